//! The path of a field inside a resource.

use std::fmt;

/// One segment of a path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FieldSegment {
    /// A key of a mapping.
    Key(String),
    /// An index in a list, from 0.
    Index(usize),
}

/// A path such as `spec.targets[2].url`, in the format of kpt's `field.path`.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FieldPath(Vec<FieldSegment>);

impl FieldPath {
    /// The resource itself.
    pub fn root() -> Self {
        Self::default()
    }

    /// The path of keys.
    pub fn of(keys: &[&str]) -> Self {
        Self(keys.iter().map(|key| FieldSegment::Key((*key).to_owned())).collect())
    }

    /// The path extended by a key.
    #[must_use]
    pub fn key(&self, key: impl Into<String>) -> Self {
        let mut path = self.clone();
        path.0.push(FieldSegment::Key(key.into()));
        path
    }

    /// The path extended by a list index.
    #[must_use]
    pub fn index(&self, index: usize) -> Self {
        let mut path = self.clone();
        path.0.push(FieldSegment::Index(index));
        path
    }

    /// The path extended by a segment.
    #[must_use]
    pub fn join(mut self, segment: FieldSegment) -> Self {
        self.0.push(segment);
        self
    }

    /// The segments from another path to this one, if this path is below the other or equal to it.
    pub fn below(&self, other: &FieldPath) -> Option<&[FieldSegment]> {
        self.0.strip_prefix(other.0.as_slice())
    }

    /// All segments.
    pub fn segments(&self) -> &[FieldSegment] {
        &self.0
    }

    /// True for the resource itself.
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<&FieldPath> for FieldPath {
    fn from(path: &FieldPath) -> Self {
        path.clone()
    }
}

impl fmt::Display for FieldPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, segment) in self.0.iter().enumerate() {
            match segment {
                FieldSegment::Key(key) if key.is_empty() || key.contains(['.', '[', ']', ' ']) => {
                    write!(f, "[{key:?}]")?;
                }
                FieldSegment::Key(key) if position == 0 => f.write_str(key)?,
                FieldSegment::Key(key) => write!(f, ".{key}")?,
                FieldSegment::Index(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_read_as_kpt_writes_them() {
        assert_eq!(FieldPath::of(&["spec", "targets"]).index(2).key("url").to_string(), "spec.targets[2].url");
        assert_eq!(
            FieldPath::of(&["metadata", "annotations"]).key("a.b/c").to_string(),
            "metadata.annotations[\"a.b/c\"]"
        );
    }
}
