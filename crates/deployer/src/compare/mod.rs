//! What an environment runs, compared with the desired bundles. Nothing is written.

pub(crate) mod absence;
pub mod canonical_xml;
pub(crate) mod current;
pub mod drift;
pub mod file_difference;
pub(crate) mod listed;
pub mod survey;
pub(crate) mod verdict;
pub(crate) mod vouched;
