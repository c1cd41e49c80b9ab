//! The management API: the client, its credentials, and the messages that it sends and reads.

pub mod auth;
pub mod authorities;
pub mod client;
pub(crate) mod credentials_file;
pub mod deployment;
pub(crate) mod pace;
pub(crate) mod polling;
pub(crate) mod reply;
pub(crate) mod resource_name;
pub mod retry;
pub(crate) mod revision;
pub(crate) mod target;
pub(crate) mod throttle;
pub(crate) mod token_error;
pub(crate) mod work_time;
