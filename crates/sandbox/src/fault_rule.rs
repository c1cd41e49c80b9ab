//! Which requests have which injected fault.

use std::fmt;
use std::str::FromStr;

use crate::injected_fault::{InjectedFault, parse_kind};

/// The syntax of a rule, for help and errors.
pub(crate) const SYNTAX: &str = "METHOD PATH KIND [retry-after:SECONDS|retry-at:SECONDS] [xN|@N|every]";

/// Which of the requests that match a rule have its fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Occurrence {
    /// The first ones, up to this number.
    First(u32),
    /// Only the one with this number, from 1.
    Nth(u32),
    /// All.
    Every,
}

impl Occurrence {
    /// True for the request of the given number, from 1.
    fn allows(self, number: u32) -> bool {
        match self {
            Self::First(count) => number <= count,
            Self::Nth(wanted) => number == wanted,
            Self::Every => true,
        }
    }
}

/// A rule that injects a fault into some requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FaultRule {
    /// For example `POST`; `None`: any method.
    pub method: Option<String>,
    /// A pattern for the whole path with its query; `*` matches any characters, all other characters match themselves.
    pub path: String,
    /// Which of the matching requests.
    pub occurrence: Occurrence,
    /// The fault.
    pub fault: InjectedFault,
}

impl FaultRule {
    /// A rule for every request.
    pub fn new(fault: InjectedFault) -> Self {
        Self { method: None, path: "*".to_owned(), occurrence: Occurrence::Every, fault }
    }

    /// The same rule, limited to some of the requests.
    #[must_use]
    pub fn on(self, occurrence: Occurrence) -> Self {
        Self { occurrence, ..self }
    }

    fn fits(&self, method: &str, path: &str) -> bool {
        self.method.as_deref().is_none_or(|wanted| wanted == method) && glob(&self.path, path)
    }
}

/// The syntax is `SYNTAX`.
impl FromStr for FaultRule {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut words = text.split_whitespace();
        let (Some(method), Some(path), Some(kind)) = (words.next(), words.next(), words.next()) else {
            return Err(format!(
                "`{text}` is not a fault; write {SYNTAX}, for example `POST */deployments?* status:503 x2`"
            ));
        };
        let method = (method != "*").then(|| method.to_owned());
        if let Some(method) = method.as_ref().filter(|method| !method.bytes().all(|byte| byte.is_ascii_uppercase())) {
            return Err(format!("`{method}` is not a method; write `GET`, `POST`, `PUT`, `PATCH`, `DELETE` or `*`"));
        }
        if !path.starts_with(['/', '*']) {
            return Err(format!(
                "the path `{path}` matches no request; start it with `/` or `*`, for example `*/apis?*action=import*`"
            ));
        }
        let mut rule =
            Self { method, path: path.to_owned(), occurrence: Occurrence::First(1), fault: parse_kind(kind)? };
        for word in words {
            if let (Some(text), InjectedFault::Status { code, .. }) = (word.strip_prefix("retry-at:"), rule.fault) {
                let seconds = text.parse().map_err(|_| {
                    format!("`{word}`: `{text}` is not a whole number of seconds; write for example `retry-at:2`")
                })?;
                rule.fault = InjectedFault::StatusUntil { code, seconds };
                continue;
            }
            match (word.strip_prefix("retry-after:"), &mut rule.fault) {
                (Some(seconds), InjectedFault::Status { retry_after, .. }) => {
                    *retry_after = Some(seconds.parse().map_err(|_| {
                        format!(
                            "`{word}`: `{seconds}` is not a whole number of seconds; write for example `retry-after:2`"
                        )
                    })?);
                }
                (Some(_), _) => {
                    return Err(format!("`{word}` is only allowed with `status:CODE`; remove it from `{kind}`"));
                }
                (None, _) => rule.occurrence = parse_occurrence(word)?,
            }
        }
        Ok(rule)
    }
}

fn parse_occurrence(word: &str) -> Result<Occurrence, String> {
    let number = |text: &str| text.parse().ok().filter(|number| *number > 0);
    if word == "every" {
        return Ok(Occurrence::Every);
    }
    let first = word.strip_prefix('x').and_then(number).map(Occurrence::First);
    first.or_else(|| word.strip_prefix('@').and_then(number).map(Occurrence::Nth)).ok_or_else(|| {
        format!(
            "`{word}` does not say which requests; write `x2` for the first two, `@2` for the second only, `every` for all, or \
             nothing for the first"
        )
    })
}

/// In the syntax that [`FaultRule::from_str`] reads.
impl fmt::Display for FaultRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.method.as_deref().unwrap_or("*"), self.path, self.fault)?;
        match self.occurrence {
            Occurrence::First(count) => write!(f, " x{count}"),
            Occurrence::Nth(number) => write!(f, " @{number}"),
            Occurrence::Every => f.write_str(" every"),
        }
    }
}

/// The active rules, each with the number of requests that matched it.
#[derive(Debug, Default)]
pub(crate) struct FaultRules(Vec<(FaultRule, u32)>);

impl FaultRules {
    /// Adds a rule after the others.
    pub(crate) fn add(&mut self, rule: FaultRule) {
        self.0.push((rule, 0));
    }

    /// Counts a request and returns its fault: that of the first rule that applies to it.
    pub(crate) fn next(&mut self, method: &str, path: &str) -> Option<InjectedFault> {
        let mut found = None;
        for (rule, count) in self.0.iter_mut().filter(|(rule, _)| rule.fits(method, path)) {
            *count = count.saturating_add(1);
            if found.is_none() && rule.occurrence.allows(*count) {
                found = Some(rule.fault);
            }
        }
        found
    }
}

impl FromIterator<FaultRule> for FaultRules {
    fn from_iter<T: IntoIterator<Item = FaultRule>>(rules: T) -> Self {
        Self(rules.into_iter().map(|rule| (rule, 0)).collect())
    }
}

/// Whether a pattern, in which `*` matches any characters, matches a whole text.
fn glob(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = text.strip_prefix(parts.next().unwrap_or_default()) else { return false };
    let mut parts = parts.peekable();
    // Without a star, the pattern must equal the text.
    let mut is_open = false;
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return rest.ends_with(part);
        }
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
        is_open = true;
    }
    is_open || rest.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    const IMPORT: &str = "/v1/organizations/o/apis?name=a&action=import";

    #[test]
    fn a_star_stands_for_any_characters() {
        for pattern in ["*", IMPORT, "*/apis?*action=import*", "/v1/*", "*import", "**", "/v1*o*import", "*=*=*"] {
            assert!(glob(pattern, IMPORT), "{pattern}");
        }
        for pattern in ["", "/v1", "*/apis", "*action=validate*", "/v2*", "*importimport", "*=*=*=*", "*.*"] {
            assert!(!glob(pattern, IMPORT), "{pattern}");
        }
        assert!(glob("", "") && glob("a*a", "aa") && !glob("a*a", "a") && !glob("ab*ba", "aba"));
    }

    #[test]
    fn a_rule_is_read_as_it_is_written() {
        for text in [
            "POST */deployments?* status:503 x2",
            "* /v1/* status:429 retry-after:1 every",
            "GET * delay:5000ms @3",
            "* * late:20ms x1",
            "DELETE * reset x1",
            "* * lost x1",
            "* * lost-503 x1",
            "* * truncate every",
            "* * trickle:20ms every",
            "GET * status:503 retry-at:2 x1",
            "GET * state-error x1",
            "GET * empty x1",
            "GET * error-200 x1",
            "GET * other-message x1",
            "GET * page x1",
            "GET * redirect x1",
        ] {
            assert_eq!(text.parse::<FaultRule>().unwrap().to_string(), text);
        }
        let rule: FaultRule = "GET */a not-found".parse().unwrap();
        let fault = InjectedFault::Status { code: 404, retry_after: None };
        let path = "*/a".to_owned();
        assert_eq!(rule, FaultRule { method: Some("GET".into()), path, occurrence: Occurrence::First(1), fault });
    }

    #[test]
    fn what_is_wrong_says_what_is_right() {
        for (text, part) in [
            ("", "is not a fault; write METHOD PATH KIND"),
            ("GET *", "for example `POST */deployments?*"),
            ("get * reset", "`get` is not a method; write `GET`"),
            ("GET apis reset", "start it with `/` or `*`"),
            ("GET * boom", "`boom` is not a kind of fault; write one of `status:CODE`, "),
            ("GET * status:200", "`200` is not the status of an error; write one from 400 to 599"),
            ("GET * delay:soon", "`delay:soon`: `soon` is not a duration"),
            ("GET * reset x0", "`x0` does not say which requests; write `x2`"),
            ("GET * reset retry-after:2", "is only allowed with `status:CODE`"),
            ("GET * status:503 retry-after:soon", "not a whole number of seconds"),
            ("GET * status:503 retry-at:soon", "not a whole number of seconds"),
        ] {
            let error = text.parse::<FaultRule>().unwrap_err();
            assert!(error.contains(part), "`{text}`: {error} lacks {part}");
        }
    }

    #[test]
    fn each_rule_counts_the_requests_that_fit() {
        let rules = ["GET * reset @2", "* *x* lost x2", "* * truncate every"].map(|text| text.parse().unwrap());
        let mut fault_rules: FaultRules = rules.into_iter().collect();
        assert_eq!(fault_rules.next("GET", "/x"), Some(InjectedFault::Lost));
        assert_eq!(fault_rules.next("POST", "/y"), Some(InjectedFault::Truncate));
        assert_eq!(
            fault_rules.next("GET", "/x"),
            Some(InjectedFault::Reset),
            "the first rule decides, and the second has counted"
        );
        assert_eq!(fault_rules.next("GET", "/x"), Some(InjectedFault::Truncate));
        assert_eq!(FaultRules::default().next("GET", "/x"), None);
    }
}
