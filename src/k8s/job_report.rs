//! The report of a Job to its own cluster: labels on the Job, and an Event about it. Also what the report needs: a token in the pod, and a
//! Role that allows only this.

use std::collections::BTreeSet;
use std::time::Duration;

use k8s_openapi::api::core::v1::{
    ConfigMapProjection, DownwardAPIProjection, DownwardAPIVolumeFile, EnvVar, EnvVarSource, KeyToPath,
    ObjectFieldSelector, ObjectReference, Volume, VolumeMount, VolumeProjection,
};
use k8s_openapi::api::events::v1::Event;
use k8s_openapi::api::rbac::v1::{PolicyRule, RoleRef, Subject};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use k8s_openapi::jiff::Timestamp;
use serde_json::{Value, json};

use super::metadata::Metadata;
use super::names::label_value;
use super::object::Object;
use super::pod::{projected, token};
use crate::diag::plain::plain;

/// The field manager of the labels (server-side apply), and the reporting controller of the Event.
pub const FIELD_MANAGER: &str = "apigee-deployer";

/// The folder in which client libraries expect a pod's token, `ca.crt` and `namespace` (Kubernetes, "Accessing the Kubernetes API from a
/// Pod").
pub const ACCOUNT_PATH: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

/// The label of the Job with its result.
const RESULT: &str = "apigeeflux.dev/result";

/// The label of the Job with the deployed revision.
const REVISION: &str = "apigeeflux.dev/revision";

/// The maximum length of an Event's note, in bytes (Kubernetes, `NoteLengthLimit`).
const MAX_NOTE: usize = 1024;

/// The volume with the token.
pub(super) const VOLUME: &str = "kubernetes";

/// The variable with the Job's name. It comes from a label of the pod, since kustomize does not add a name prefix to arguments.
const JOB_VARIABLE: &str = "APIGEE_FLUX_JOB";

/// The name of the Role and its RoleBinding.
const ROLE: &str = "apigee-deployer-report";

/// The result of a Job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobReport {
    /// The action of the Job, one word in upper camel case.
    pub action: &'static str,
    /// The result, one word in lower case.
    pub result: String,
    /// The revision with the desired bundle, if there is one.
    pub revision: Option<String>,
    /// Whether the Job failed and needs attention.
    pub is_failed: bool,
    /// A message for people. A long one is truncated.
    pub note: String,
}

impl JobReport {
    /// The server-side apply configuration that sets only the labels of the Job.
    pub fn labels(&self, job: &str, namespace: &str) -> Value {
        let mut labels = json!({RESULT: label_value(&self.result)});
        if let Some(revision) = &self.revision {
            labels[REVISION] = label_value(revision).into();
        }
        json!({
            "apiVersion": "batch/v1",
            "kind": "Job",
            "metadata": {"name": job, "namespace": namespace, "labels": labels},
        })
    }

    /// The Event about the Job. `kubectl describe` finds it by the Job's `uid`; `now` is the time since 1970.
    pub fn event(&self, job: &str, namespace: &str, uid: Option<&str>, now: Duration) -> Result<Value, String> {
        let nanoseconds = i128::try_from(now.as_nanos()).map_err(|error| error.to_string())?;
        let time = Timestamp::from_nanosecond(nanoseconds).map_err(|error| error.to_string())?;
        let mut letters = self.result.chars();
        let reason = letters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(letters).collect();
        let event = Event {
            metadata: ObjectMeta {
                // The form of name that client libraries use.
                name: Some(format!("{job}.{nanoseconds:x}")),
                namespace: Some(namespace.to_owned()),
                ..ObjectMeta::default()
            },
            event_time: Some(MicroTime(time)),
            action: Some(self.action.to_owned()),
            reason: Some(reason),
            note: Some(cut(&plain(&self.note))),
            type_: Some(if self.is_failed { "Warning" } else { "Normal" }.to_owned()),
            regarding: Some(ObjectReference {
                api_version: Some("batch/v1".to_owned()),
                kind: Some("Job".to_owned()),
                name: Some(job.to_owned()),
                namespace: Some(namespace.to_owned()),
                uid: uid.map(str::to_owned),
                ..ObjectReference::default()
            }),
            reporting_controller: Some(format!("apigeeflux.dev/{FIELD_MANAGER}")),
            reporting_instance: Some(job.to_owned()),
            ..Event::default()
        };
        serde_json::to_value(event).map_err(|error| error.to_string())
    }
}

/// Truncates a note to [`MAX_NOTE`] bytes.
fn cut(note: &str) -> String {
    if note.len() <= MAX_NOTE {
        return note.to_owned();
    }
    let end = note.floor_char_boundary(MAX_NOTE - '…'.len_utf8());
    format!("{}…", &note[..end])
}

/// The argument that makes the deployer report; Kubernetes expands the variable.
pub(super) fn argument() -> String {
    format!("--report-job=$({JOB_VARIABLE})")
}

/// What the report needs in a pod: the token with the cluster's CA certificate and the namespace, and the variable with the Job's name.
pub(super) fn pod_parts() -> (Volume, VolumeMount, EnvVar) {
    let field = |path: &str| ObjectFieldSelector { api_version: None, field_path: path.to_owned() };
    let authority = ConfigMapProjection {
        // Kubernetes creates it in every namespace.
        name: "kube-root-ca.crt".to_owned(),
        items: Some(vec![KeyToPath { key: "ca.crt".to_owned(), path: "ca.crt".to_owned(), mode: None }]),
        optional: None,
    };
    let namespace = DownwardAPIVolumeFile {
        path: "namespace".to_owned(),
        field_ref: Some(field("metadata.namespace")),
        ..DownwardAPIVolumeFile::default()
    };
    let sources = vec![
        token(None),
        VolumeProjection { config_map: Some(authority), ..VolumeProjection::default() },
        VolumeProjection {
            downward_api: Some(DownwardAPIProjection { items: Some(vec![namespace]) }),
            ..VolumeProjection::default()
        },
    ];
    let volume = projected(VOLUME, sources);
    let mount = VolumeMount {
        name: VOLUME.to_owned(),
        mount_path: ACCOUNT_PATH.to_owned(),
        read_only: Some(true),
        ..VolumeMount::default()
    };
    let source = EnvVarSource {
        field_ref: Some(field("metadata.labels['batch.kubernetes.io/job-name']")),
        ..EnvVarSource::default()
    };
    let variable = EnvVar { name: JOB_VARIABLE.to_owned(), value: None, value_from: Some(source) };
    (volume, mount, variable)
}

/// The Role and RoleBinding for the Jobs that report; `None` if no Job reports. All Jobs are in one namespace.
pub fn report_access<'o>(jobs: impl Iterator<Item = &'o Object>, metadata: &Metadata<'_>) -> Option<[Object; 2]> {
    let (mut names, mut accounts) = (BTreeSet::new(), BTreeSet::new());
    for job in jobs {
        let Some(pod) = job.pod_template().and_then(|template| template.spec.as_ref()) else { continue };
        if pod.volumes.iter().flatten().any(|volume| volume.name == VOLUME) {
            names.insert(job.id.name.clone());
            accounts.extend(pod.service_account_name.clone());
        }
    }
    if names.is_empty() {
        return None;
    }
    let rule = |group: &str, resource: &str, verb: &str, names: Option<Vec<String>>| PolicyRule {
        api_groups: Some(vec![group.to_owned()]),
        resources: Some(vec![resource.to_owned()]),
        resource_names: names,
        verbs: vec![verb.to_owned()],
        ..PolicyRule::default()
    };
    let rules = vec![
        rule("batch", "jobs", "patch", Some(names.into_iter().collect())),
        // A rule cannot restrict `create` to names.
        rule("events.k8s.io", "events", "create", None),
    ];
    let role_ref =
        RoleRef { api_group: "rbac.authorization.k8s.io".to_owned(), kind: "Role".to_owned(), name: ROLE.to_owned() };
    // A subject without a namespace is in the namespace of the binding, even if an overlay changes it.
    let subject = |name| Subject { kind: "ServiceAccount".to_owned(), name, ..Subject::default() };
    let subjects = accounts.into_iter().map(subject).collect();
    Some([Object::role(metadata.object(ROLE), rules), Object::role_binding(metadata.object(ROLE), role_ref, subjects)])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(note: &str) -> JobReport {
        JobReport {
            action: "Deploy",
            result: "deployed".to_owned(),
            revision: Some("7".to_owned()),
            is_failed: false,
            note: note.to_owned(),
        }
    }

    #[test]
    fn the_labels_are_all_that_is_applied() {
        let labels = report("x").labels("apigee-prod-orders", "team");
        assert_eq!(
            labels.to_string(),
            r#"{"apiVersion":"batch/v1","kind":"Job","metadata":{"name":"apigee-prod-orders","namespace":"team","labels":{"apigeeflux.dev/result":"deployed","apigeeflux.dev/revision":"7"}}}"#
        );
        let none = JobReport { revision: None, ..report("x") }.labels("j", "n");
        assert_eq!(none["metadata"]["labels"], json!({"apigeeflux.dev/result": "deployed"}));
    }

    #[test]
    fn the_event_is_one_that_the_api_takes() {
        let now = Duration::from_millis(1_700_000_000_123);
        let event = report("why").event("apigee-prod-orders", "team", Some("u-1"), now).unwrap();
        assert_eq!(
            event,
            json!({
                "apiVersion": "events.k8s.io/v1",
                "kind": "Event",
                "metadata": {"name": "apigee-prod-orders.17979cfe3d7ed4c0", "namespace": "team"},
                "eventTime": "2023-11-14T22:13:20.123000Z",
                "action": "Deploy",
                "reason": "Deployed",
                "note": "why",
                "type": "Normal",
                "regarding": {
                    "apiVersion": "batch/v1", "kind": "Job", "name": "apigee-prod-orders", "namespace": "team", "uid": "u-1",
                },
                "reportingController": "apigeeflux.dev/apigee-deployer",
                "reportingInstance": "apigee-prod-orders",
            })
        );
        let failed = JobReport { is_failed: true, result: "failed".to_owned(), ..report("x") };
        let event = failed.event("j", "n", None, now).unwrap();
        assert_eq!((&event["type"], &event["reason"]), (&"Warning".into(), &"Failed".into()));
    }

    #[test]
    fn a_note_fits() {
        for note in ["ä".repeat(512), "ä".repeat(513), "x".repeat(5000)] {
            let kept = cut(&note);
            assert!(kept.len() <= MAX_NOTE && kept.len() > MAX_NOTE - 8, "{}", kept.len());
            assert_eq!(kept == note, note.len() <= MAX_NOTE);
        }
    }
}
