//! The records of what is managed: who owns a resource, and what was applied.

pub mod history;
pub(crate) mod register;
