//! The configuration of an environment or organization, and the records of what is managed.

pub mod apply;
pub(crate) mod register;
