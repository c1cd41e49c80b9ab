//! Describes why there is no token, from messages of a token server or of the auth crate, without the secrets in these
//! messages.
//!
//! The auth crate's messages repeat whole responses, and some of them the file with the subject token. Only parts that
//! are intended for people are repeated: the error's code and description, with everything hidden that looks like a
//! credential.

use std::error::Error as StdError;
use std::path::Path;

use google_cloud_auth::errors::CredentialsError;
use google_cloud_gax::error::Error as GaxError;
use serde_json::Value;

/// The longest description that is repeated, in characters.
const MAX_TEXT: usize = 300;

/// The shortest run of characters that may be a token.
const MIN_TOKEN: usize = 20;

/// Where the auth crate's message begins to repeat a response or a file.
const BODY: &str = "body=<";

/// The error and its causes in one line. `subject_token_file` is named if a file could not be read.
pub(crate) fn describe(error: &CredentialsError, subject_token_file: Option<&Path>) -> String {
    let chain: Vec<&(dyn StdError + 'static)> = causes(error).collect();
    if let Some(failed) =
        chain.iter().find_map(|cause| cause.downcast_ref::<GaxError>().filter(|e| e.http_payload().is_some()))
    {
        let status = failed.http_status_code().unwrap_or_default();
        let body = failed.http_payload().map(|bytes| String::from_utf8_lossy(bytes)).unwrap_or_default();
        return join(&format!("the response status is {status}"), &answer(&body));
    }
    if let Some(failed) = chain.iter().find_map(|cause| cause.downcast_ref::<reqwest::Error>()) {
        let said = chain.iter().find_map(|cause| body_of(&cause.to_string())).unwrap_or_default();
        return join(&request(failed), &said);
    }
    if let Some(failed) = chain.iter().find_map(|cause| cause.downcast_ref::<std::io::Error>()) {
        let file = subject_token_file.map_or_else(
            || "a file named in the credentials".to_owned(),
            |file| format!("`{}` (credential_source.file)", file.display()),
        );
        return format!("{file} cannot be read: {failed}");
    }
    // A message about a file's content may contain the content.
    let texts: Vec<String> =
        chain.iter().map(|cause| hide_tokens(cause.to_string().split(BODY).next().unwrap_or_default())).collect();
    texts.join(": ").trim_end_matches([',', ' ']).to_owned()
}

/// The error and its causes.
pub(crate) fn causes<'a>(error: &'a (dyn StdError + 'static)) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |error| (*error).source())
}

/// A request without a response, or with an error status. Only parts of the URL that are not secret are shown.
fn request(failed: &reqwest::Error) -> String {
    let server = failed.url().map_or_else(
        || "the token server".to_owned(),
        |url| format!("{}{}", url.host_str().unwrap_or_default(), url.path()),
    );
    if let Some(status) = failed.status() {
        return format!("{server} responded with status {}", status.as_u16());
    }
    match causes(failed).skip(1).last() {
        _ if failed.is_timeout() => format!("{server} did not respond in time"),
        Some(cause) => format!("{server} did not respond: {cause}"),
        None => format!("{server} did not respond"),
    }
}

/// The response inside one of the auth crate's messages.
fn body_of(text: &str) -> Option<String> {
    let start = text.find(BODY)? + BODY.len();
    let end = text.rfind('>').filter(|end| *end >= start)?;
    Some(answer(&text[start..end]))
}

/// The human-readable parts of a response: OAuth's (RFC 6749 §5.2) or Google's (`google.rpc.Status`).
fn answer(body: &str) -> String {
    // The metadata server's client adds its own text and Rust's quoting to the response.
    let quoted =
        body.split_once(":b\"").map(|(_, rest)| rest.trim_end_matches('"').replace("\\n", " ").replace("\\\"", "\""));
    let body = quoted.as_deref().unwrap_or(body);
    let Ok(json) = serde_json::from_str::<Value>(body) else {
        return hide_tokens(body);
    };
    let text = |at: &str| json.pointer(at).and_then(Value::as_str).unwrap_or_default();
    let (code, words) = match json.get("error") {
        Some(Value::String(code)) => (code.as_str(), text("/error_description")),
        Some(Value::Object(_)) => (text("/error/status"), text("/error/message")),
        _ => return String::new(),
    };
    join(&hide_tokens(code), &hide_tokens(words))
}

fn join(left: &str, right: &str) -> String {
    match (left.is_empty(), right.is_empty()) {
        (false, false) => format!("{left}: {right}"),
        (true, _) => right.to_owned(),
        (_, true) => left.to_owned(),
    }
}

/// The text on one line, truncated, without what looks like a token: a known prefix, or a long run with uppercase
/// letters, lowercase letters and digits, a combination that names in Google Cloud never have.
fn hide_tokens(text: &str) -> String {
    let mut shown = String::new();
    for word in text.split_inclusive(|c: char| !is_token_character(c)) {
        let run = word.trim_end_matches(|c: char| !is_token_character(c));
        let known = ["eyJ", "ya29.", "1//", "GOCSPX-"].iter().any(|start| run.starts_with(start));
        let mixed = run.len() >= MIN_TOKEN
            && run.contains(|c: char| c.is_ascii_uppercase())
            && run.contains(|c: char| c.is_ascii_lowercase())
            && run.contains(|c: char| c.is_ascii_digit());
        if known || mixed {
            shown.push('…');
            shown.push_str(&word[run.len()..]);
        } else {
            shown.push_str(word);
        }
    }
    let line: Vec<&str> = shown.split_whitespace().collect();
    line.join(" ").chars().take(MAX_TEXT).collect()
}

fn is_token_character(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '+' | '=' | '~')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_hidden_and_names_are_not() {
        let jwt = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl";
        assert_eq!(hide_tokens(&format!("bad token \"{jwt}\" given")), "bad token \"…\" given");
        assert_eq!(hide_tokens("ya29.short and AbCdEf0123456789ghIJ"), "… and …");
        let names = "Permission iam.serviceAccounts.getAccessToken denied on \
                     //iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/k for \
                     deployer@acme-production-1.iam.gserviceaccount.com";
        assert_eq!(hide_tokens(names), names);
        assert!(hide_tokens(&"x ".repeat(1000)).len() <= MAX_TEXT);
    }

    #[test]
    fn only_the_words_of_an_answer_are_told() {
        let oauth =
            r#"{"error": "invalid_grant", "error_description": "The audience is wrong", "access_token": "s3cret"}"#;
        assert_eq!(answer(oauth), "invalid_grant: The audience is wrong");
        let google =
            r#"{"error": {"code": 403, "status": "PERMISSION_DENIED", "message": "denied", "secret": "s3cret"}}"#;
        assert_eq!(answer(google), "PERMISSION_DENIED: denied");
        assert_eq!(answer(r#"{"id_token": "s3cret"}"#), "");
        assert_eq!(answer(r#"failed to fetch access token :b"not\nready""#), "not ready");
        let crate_says =
            r#"failed to exchange token, body=<{"error": "invalid_grant"}> and future attempts will not succeed"#;
        assert_eq!(body_of(crate_says).as_deref(), Some("invalid_grant"));
    }

    #[test]
    fn a_file_s_content_is_not_told() {
        let text = "failed to read subject token field `x` as string, body=<{\"y\": \"s3cret\"}>";
        let shown = describe(&CredentialsError::from_msg(false, text), None);
        assert!(shown.contains("subject token field `x`") && !shown.contains("s3cret"), "{shown}");
    }
}
