//! `security.basic`.

use super::super::context::Context;
use super::super::endpoint::{Credential, Intent, Verified};
use super::super::{names, secrets};
use super::{CallerVariable, Checked, CredentialPlace, unauthorized};
use crate::spec::security::{Basic, Location};
use apigee_flux_analysis::policy::PolicyValue;
use apigee_flux_analysis::policy::basic_authentication::{self as policy, BasicAuthentication, CredentialOperation};
use apigee_flux_analysis::policy::key_value_map_operations;
use apigee_flux_model::diag::{Code, Diagnostic};

/// The user name that the caller sends.
const USER: &str = "flow.basic.username";

/// The password that the caller sends.
const PASSWORD: &str = "private.basic.password";

/// The password that the map has for the user.
const EXPECTED: &str = "private.basic.expected";

pub(super) fn check(
    basic: &Basic,
    credential: &Credential<'_>,
    intent: &Intent<'_>,
    context: &mut Context<'_, '_>,
) -> Checked {
    let Credential { at, own, .. } = credential;
    names::check_map(&basic.kvm, &at.key("kvm"), context.report);
    let realm = basic.realm.as_deref().unwrap_or("api");
    if realm.contains(|c: char| c.is_control() || "\"\\{}".contains(c)) {
        context.report.push(
            Diagnostic::error(
                Code::InvalidValue,
                "`realm` contains a quote, a backslash, a brace or a control character",
            )
            .at(at.key("realm"))
            .help("use plain text"),
        );
    }
    let challenge = format!("Basic realm=\"{realm}\", charset=\"UTF-8\"");
    let decode = BasicAuthentication {
        operation: CredentialOperation::Decode,
        user: USER.to_owned(),
        password: PASSWORD.to_owned(),
        header: "request.header.authorization".to_owned(),
    };
    let read = secrets::get(&basic.kvm, PolicyValue::Variable(USER.to_owned()), EXPECTED);
    let mut refuse = |condition: &str| unauthorized(Some(challenge.clone()), condition, credential, intent, context);
    // The policy itself would answer a request without the header with status 500. The condition negates what is
    // allowed, so that an unset variable is refused.
    let no_header = refuse(r#"!(request.header.authorization JavaRegex "Basic [A-Za-z0-9+/]+=*")"#);
    // An empty password is refused: otherwise a user who is not in the map could authenticate with one.
    let unknown_user = refuse(&format!("({EXPECTED} = null) or ({EXPECTED} = \"\")"));
    let wrong_password = refuse(&format!("!({PASSWORD} = {EXPECTED})"));
    let name = intent.policy_name(policy::TYPE.prefix, "Default", *own);
    let map_name = intent.policy_name(key_value_map_operations::TYPE.prefix, "BasicPasswords", *own);
    let decode = context.add(&name, &decode, at);
    let read = context.add(&map_name, &read, at);
    let steps = vec![no_header, decode, read, unknown_user, wrong_password];
    Checked {
        steps,
        removal: Some((
            "RemoveAuthorization",
            CredentialPlace { location: Location::Header, name: "authorization".to_owned() },
        )),
        identity: Some(CallerVariable { variable: USER.to_owned(), certain: true }),
        verified: Some(Verified { policy: name, consumer: USER.to_owned(), product: false }),
    }
}
