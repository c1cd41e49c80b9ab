//! An Event of the Kubernetes API about an object of the pod's namespace.

use std::time::Duration;

use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::api::events::v1::Event;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use k8s_openapi::jiff::Timestamp;

use apigee_flux_model::diag::plain::plain;
use apigee_flux_model::names::kubernetes::FIELD_MANAGER;

/// The maximum length of an Event's note, in bytes (Kubernetes, `NoteLengthLimit`).
const MAX_NOTE: usize = 1024;

/// What an Event is about.
#[derive(Debug, Clone, Copy)]
pub(super) struct Regarding<'a> {
    /// The kind, of the group `batch`.
    pub kind: &'static str,
    pub name: &'a str,
    pub namespace: &'a str,
    /// `kubectl describe` finds the Event by it.
    pub uid: Option<&'a str>,
}

/// What an Event says.
#[derive(Debug, Clone, Copy)]
pub(super) struct Statement<'a> {
    /// One word in upper camel case.
    pub action: &'static str,
    /// The result, one word in lower case.
    pub result: &'a str,
    /// Whether it needs attention.
    pub is_warning: bool,
    /// A message for people. A long one is truncated.
    pub note: &'a str,
}

/// The Event; `now` is the time since 1970.
pub(super) fn event(regarding: Regarding<'_>, statement: Statement<'_>, now: Duration) -> Result<Event, String> {
    let nanoseconds = i128::try_from(now.as_nanos()).map_err(|error| error.to_string())?;
    let time = Timestamp::from_nanosecond(nanoseconds).map_err(|error| error.to_string())?;
    let mut letters = statement.result.chars();
    let reason = letters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(letters).collect();
    let Regarding { kind, name, namespace, uid } = regarding;
    Ok(Event {
        metadata: ObjectMeta {
            // The form of name that client libraries use.
            name: Some(format!("{name}.{nanoseconds:x}")),
            namespace: Some(namespace.to_owned()),
            ..ObjectMeta::default()
        },
        event_time: Some(MicroTime(time)),
        action: Some(statement.action.to_owned()),
        reason: Some(reason),
        note: Some(cut(&plain(statement.note))),
        type_: Some(if statement.is_warning { "Warning" } else { "Normal" }.to_owned()),
        regarding: Some(ObjectReference {
            api_version: Some("batch/v1".to_owned()),
            kind: Some(kind.to_owned()),
            name: Some(name.to_owned()),
            namespace: Some(namespace.to_owned()),
            uid: uid.map(str::to_owned),
            ..ObjectReference::default()
        }),
        reporting_controller: Some(format!("apigeeflux.dev/{FIELD_MANAGER}")),
        reporting_instance: Some(name.to_owned()),
        ..Event::default()
    })
}

/// Truncates a note to [`MAX_NOTE`] bytes.
fn cut(note: &str) -> String {
    if note.len() <= MAX_NOTE {
        return note.to_owned();
    }
    let end = note.floor_char_boundary(MAX_NOTE - '…'.len_utf8());
    format!("{}…", &note[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_fits() {
        for note in ["ä".repeat(512), "ä".repeat(513), "x".repeat(5000)] {
            let kept = cut(&note);
            assert!(kept.len() <= MAX_NOTE && kept.len() > MAX_NOTE - 8, "{}", kept.len());
            assert_eq!(kept == note, note.len() <= MAX_NOTE);
        }
    }
}
