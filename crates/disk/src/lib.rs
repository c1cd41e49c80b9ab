//! Files on this machine in folders that others may write to: a checkout of a pull request, the output of a previous
//! run, a volume.
//!
//! Reading stays below the named folder ([`Root`]), whatever its symbolic links refer to, and reads only regular files,
//! up to a size limit. Writing follows no symbolic link below the folder ([`Folder`]) and replaces all files or none
//! ([`Replacement`]).

#![cfg_attr(not(test), deny(unused_crate_dependencies))]

mod folder;
mod read;
mod replace;
mod root;
mod walk;

pub use folder::Folder;
pub use read::{Unreadable, open_regular, read_named, read_regular};
pub use replace::{Replacement, create_file, replace_file};
pub use root::Root;
pub use walk::{Filter, FoundFiles, WalkError, walk};
