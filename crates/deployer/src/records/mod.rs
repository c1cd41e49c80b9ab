//! The records of what is managed: who owns a resource, and what was applied.

pub(crate) mod register;
