//! Who may change a resource in Apigee. Pure.
//!
//! Every managed resource has a record with its owner, the namespace and the cluster of the Jobs that apply it. A run changes a resource
//! only if it has a claim on it: [`claim`] decides. What a Job may take over, the reconciler leaves alone: a Job runs because a state of Git
//! was applied just now, the reconciler runs at any time.

use std::collections::BTreeMap;
use std::fmt;

use crate::record::{self, Record};
use apigee_flux_model::lifecycle::Adopt;

/// Who wants to change a resource.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Claimant {
    /// The owner of the desired state.
    pub owner: String,
    /// The namespace of the pod; `None` outside of a cluster.
    pub namespace: Option<String>,
    /// The identity of the cluster; `None` if it is not known.
    pub cluster: Option<String>,
    /// The cluster that this one replaces (`spec.replacesCluster` of the ApigeeEnvironment).
    pub replaces_cluster: Option<String>,
    /// The owners in all namespaces of the same input, by namespace. Resources move between them without adoption.
    pub siblings: BTreeMap<String, String>,
    /// What runs.
    pub actor: Actor,
    /// The uid of the Job.
    pub job: Option<String>,
}

/// What runs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Actor {
    /// A Job, or a person: a state of Git was applied just now.
    #[default]
    Job,
    /// The reconciler, at any time: it never takes over what belongs to others.
    Reconciler,
}

/// The right to change a resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claim {
    /// It has no record.
    Unrecorded,
    /// It is the claimant's.
    Own,
    /// It moves here from another namespace of the same input.
    Moved {
        /// The other namespace.
        from: String,
    },
    /// It belonged to a cluster that this one replaces.
    Replaced,
    /// It is adopted from another owner. With `adopt: match` it must equal the desired state.
    Adopted {
        /// The other owner.
        from: String,
    },
}

/// Why a resource is not changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// It has another owner.
    Owner {
        /// The record of the other owner.
        record: Box<Record>,
        /// The claimant's owner.
        wanted: String,
    },
    /// The same owner applies it from a namespace of another input.
    Namespace(Box<Record>),
    /// The same owner applies it from another cluster.
    Cluster {
        /// The record of the other cluster.
        record: Box<Record>,
        /// The claimant's cluster.
        cluster: String,
    },
    /// It was moved to another namespace: this is a late run of the former Job, or the reconciler of the former namespace.
    MovedAway(Box<Record>),
    /// The other owner adopted it from this one.
    TakenBack(Box<Record>),
    /// It has an owner, and whoever wants to change it names none.
    Unnamed(Box<Record>),
}

impl Claimant {
    /// A person or a program outside of a cluster.
    pub fn new(owner: &str) -> Self {
        Self { owner: owner.to_owned(), ..Self::default() }
    }

    /// The record of a resource that this claimant applies, from the record before and the claim on it.
    #[must_use]
    pub fn sign(&self, record: Record, before: Option<&Record>, claim: &Claim) -> Record {
        let superseded = match claim {
            Claim::Moved { .. } => before.and_then(|before| before.job.clone()),
            Claim::Own => before.and_then(|before| before.superseded.clone()),
            Claim::Unrecorded | Claim::Replaced | Claim::Adopted { .. } => None,
        };
        let taken_from = match claim {
            Claim::Adopted { from } => Some(from.clone()),
            Claim::Unrecorded => None,
            Claim::Own | Claim::Moved { .. } | Claim::Replaced => before.and_then(|before| before.taken_from.clone()),
        };
        Record {
            owner: self.owner.clone(),
            namespace: self.namespace.clone().or_else(|| before.and_then(|before| before.namespace.clone())),
            cluster: self.cluster.clone().or_else(|| before.and_then(|before| before.cluster.clone())),
            // The reconciler is no Job that could be superseded.
            job: match self.actor {
                Actor::Job => self.job.clone(),
                Actor::Reconciler => before.and_then(|before| before.job.clone()),
            },
            superseded,
            taken_from,
            ..record
        }
    }

    /// True if a record is signed by this claimant in this place: nothing is taken over if the claimant writes it again.
    pub fn has_signed(&self, record: &Record) -> bool {
        let same = |recorded: Option<&String>, own: Option<&String>| own.is_none() || recorded == own;
        record.owner == self.owner
            && same(record.namespace.as_ref(), self.namespace.as_ref())
            && same(record.cluster.as_ref(), self.cluster.as_ref())
    }
}

/// Decides whether a claimant may change a resource with this record. `adopt` is what the spec says; the caller compares the states for
/// `match`.
pub fn claim(record: Option<&Record>, claimant: &Claimant, adopt: Adopt) -> Result<Claim, Refusal> {
    let Some(record) = record else { return Ok(Claim::Unrecorded) };
    let boxed = || Box::new(record.clone());
    let elsewhere = record.namespace.as_ref().filter(|at| claimant.namespace.as_ref().is_some_and(|own| own != *at));
    // A record of version 0.1.0 has no namespace: the default owner contains it.
    let sibling = claimant.siblings.iter().find(|(namespace, owner)| {
        **owner == record.owner
            && record.namespace.as_ref().is_none_or(|at| at == *namespace)
            && claimant.namespace.as_ref() != Some(*namespace)
    });
    let is_own = record.owner == claimant.owner && elsewhere.is_none();
    let replaced = match (&record.cluster, &claimant.cluster) {
        (Some(recorded), Some(own)) if recorded != own && (is_own || sibling.is_some()) => {
            if claimant.replaces_cluster.as_ref() != Some(recorded) || claimant.actor == Actor::Reconciler {
                return Err(Refusal::Cluster { record: boxed(), cluster: own.clone() });
            }
            true
        }
        _ => false,
    };
    if is_own {
        return Ok(if replaced { Claim::Replaced } else { Claim::Own });
    }
    if let Some((from, _)) = sibling {
        let is_late = record.superseded.is_some() && record.superseded == claimant.job;
        if claimant.actor == Actor::Reconciler || is_late {
            return Err(Refusal::MovedAway(boxed()));
        }
        return Ok(Claim::Moved { from: from.clone() });
    }
    let may_adopt = adopt != Adopt::Never && claimant.actor == Actor::Job;
    if !may_adopt {
        return Err(if record.owner == claimant.owner {
            Refusal::Namespace(boxed())
        } else {
            Refusal::Owner { record: boxed(), wanted: claimant.owner.clone() }
        });
    }
    if record.taken_from.as_ref() == Some(&claimant.owner) {
        return Err(Refusal::TakenBack(boxed()));
    }
    Ok(Claim::Adopted { from: record.owner.clone() })
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = |record: &Record| {
            let namespace = record.namespace.as_ref().map(|namespace| format!(" (namespace `{namespace}`)"));
            let source = record.provenance.source.as_ref().map(|source| format!(", repository {source}"));
            format!("{}{}", namespace.unwrap_or_default(), source.unwrap_or_default())
        };
        let entry = |record: &Record| {
            format!("delete the record `{}` in the key value map `{}`", Record::key(&record.id), record::MAP)
        };
        match self {
            Self::Owner { record, wanted } => write!(
                f,
                "its owner is `{}`{}, not `{wanted}`, so it is not changed: remove it from the specs of one of them, or set `adopt: match` \
                 (if it is equal) or `adopt: override` in the spec that should own it{}",
                record.owner,
                place(record),
                record.namespace.as_ref().map_or_else(String::new, |namespace| format!(
                    "; if the last spec of the namespace `{namespace}` moved here, list that namespace in `spec.namespaces`"
                ))
            ),
            Self::Namespace(record) => write!(
                f,
                "its owner `{}` also applies it from another namespace{}, which is not in this input, so it is not changed: give each input an \
                 `owner` of its own, or set `adopt: match` or `adopt: override` in the spec that should own it",
                record.owner,
                place(record)
            ),
            Self::Cluster { record, cluster } => write!(
                f,
                "its owner `{}` applies it from the cluster `{}`, and this is the cluster `{cluster}`, so it is not changed: give the \
                 ApigeeEnvironment of one of them another `spec.owner`, or, if this cluster replaces the other one, set \
                 `spec.replacesCluster: {1}`",
                record.owner,
                record.cluster.as_deref().unwrap_or_default(),
            ),
            Self::MovedAway(record) => write!(
                f,
                "it was moved to the namespace `{}`, so it is not changed from here",
                record.namespace.as_deref().unwrap_or_default()
            ),
            Self::Unnamed(record) => write!(
                f,
                "its owner is `{}`{}, so it is not changed without an owner: change the specs of this owner, or give `--owner={0}`",
                record.owner,
                place(record)
            ),
            Self::TakenBack(record) => write!(
                f,
                "its owner is `{}`{}, which adopted it from this one, so it is not changed: two specs with `adopt` must not take it from each \
                 other; remove it from the specs of one of them, or {}",
                record.owner,
                place(record),
                entry(record)
            ),
        }
    }
}
