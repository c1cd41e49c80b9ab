//! Where the fields of a target are.

use apigee_flux_model::diag::FieldPath;

/// The place of a target's fields.
pub(super) enum TargetFields {
    /// The short form: all fields are `spec.target`.
    Short,
    /// A mapping in `spec.targets`.
    Long(FieldPath),
}

impl TargetFields {
    pub(super) fn key(&self, key: &str) -> FieldPath {
        match self {
            Self::Short => FieldPath::of(&["spec", "target"]),
            Self::Long(at) => at.key(key),
        }
    }

    pub(super) fn whole(&self) -> FieldPath {
        match self {
            Self::Short => FieldPath::of(&["spec", "target"]),
            Self::Long(at) => at.clone(),
        }
    }
}
