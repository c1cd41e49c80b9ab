//! What every other crate is made of: text with places, bundles, names, limits and diagnostics. Pure.

#![cfg_attr(not(test), deny(unused_crate_dependencies))]

pub mod bundle;
pub mod condition;
pub mod diag;
pub mod duration;
pub mod encoding;
pub mod exit;
pub mod gzip;
pub mod krm;
pub mod lifecycle;
pub mod limits;
pub mod names;
pub mod path_pattern;
pub mod pem;
pub mod provenance;
pub mod runtime;
pub mod stable_parts;
pub mod template;
pub mod xml;
pub mod yaml;
