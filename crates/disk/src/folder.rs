//! An open folder: operations in it stay in it, whatever happens to its path and to links in it (`openat(2)`).

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use rustix::fd::OwnedFd;
use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags};
use rustix::io::Errno;

/// An open folder.
#[derive(Debug)]
pub struct Folder {
    handle: OwnedFd,
    shown: PathBuf,
}

/// The type of an entry in a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum EntryKind {
    /// A regular file.
    File,
    /// A folder.
    Folder,
    /// A symbolic link, a named pipe, a device, or another type.
    Other,
}

impl Folder {
    /// Opens the folder at a trusted path.
    pub fn open(path: &Path) -> io::Result<Self> {
        let shown = if path.as_os_str().is_empty() { PathBuf::from(".") } else { path.to_owned() };
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let handle = rustix::fs::open(&shown, flags, Mode::empty()).map_err(|error| said(&shown, error))?;
        Ok(Self { handle, shown })
    }

    /// The path, for messages.
    pub fn shown(&self) -> &Path {
        &self.shown
    }

    /// Opens a folder in this one. A symbolic link is an error.
    pub(super) fn child(&self, name: &OsStr) -> io::Result<Self> {
        let shown = self.shown.join(name);
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        match rustix::fs::openat(&self.handle, name, flags, Mode::empty()) {
            Ok(handle) => Ok(Self { handle, shown }),
            Err(Errno::LOOP | Errno::NOTDIR) => Err(io::Error::other(format!(
                "`{}` is a symbolic link or a file, but a folder is required; remove it",
                shown.display()
            ))),
            Err(error) => Err(said(&shown, error)),
        }
    }

    /// Opens or creates a folder in this one; the flag says whether it was created.
    pub(super) fn child_or_new(&self, name: &OsStr) -> io::Result<(Self, bool)> {
        let made = match rustix::fs::mkdirat(&self.handle, name, Mode::from_raw_mode(0o777)) {
            Ok(()) => true,
            Err(Errno::EXIST) => false,
            Err(error) => return Err(said(&self.shown.join(name), error)),
        };
        Ok((self.child(name)?, made))
    }

    /// The names in the folder, sorted.
    pub(super) fn entries(&self) -> io::Result<Vec<(OsString, EntryKind)>> {
        let mut entries = Vec::new();
        for entry in Dir::read_from(&self.handle).map_err(|error| said(&self.shown, error))? {
            let entry = entry.map_err(|error| said(&self.shown, error))?;
            let name = OsStr::from_bytes(entry.file_name().to_bytes()).to_owned();
            if name == "." || name == ".." {
                continue;
            }
            if let Some(kind) = self.kind(&name)? {
                entries.push((name, kind));
            }
        }
        entries.sort_by(|(a, _), (b, _)| a.cmp(b));
        Ok(entries)
    }

    /// The type of an entry; `None` if there is no such entry.
    pub(super) fn kind(&self, name: &OsStr) -> io::Result<Option<EntryKind>> {
        match rustix::fs::statat(&self.handle, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(Some(match FileType::from_raw_mode(stat.st_mode) {
                FileType::RegularFile => EntryKind::File,
                FileType::Directory => EntryKind::Folder,
                _ => EntryKind::Other,
            })),
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(said(&self.shown.join(name), error)),
        }
    }

    /// Creates a file; an existing entry, including a symbolic link, is an error.
    pub(super) fn create(&self, name: &OsStr) -> io::Result<File> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        rustix::fs::openat(&self.handle, name, flags, Mode::from_raw_mode(0o666))
            .map(File::from)
            .map_err(|error| said(&self.shown.join(name), error))
    }

    /// Opens a file for reading, without following a symbolic link.
    pub(super) fn file(&self, name: &OsStr) -> io::Result<File> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        rustix::fs::openat(&self.handle, name, flags, Mode::empty())
            .map(File::from)
            .map_err(|error| said(&self.shown.join(name), error))
    }

    /// Renames a file in this folder and replaces an existing file or symbolic link.
    pub(super) fn rename(&self, from: &OsStr, to: &OsStr) -> io::Result<()> {
        rustix::fs::renameat(&self.handle, from, &self.handle, to).map_err(|error| said(&self.shown.join(to), error))
    }

    /// Removes a file or a symbolic link.
    pub(super) fn remove(&self, name: &OsStr) -> io::Result<()> {
        rustix::fs::unlinkat(&self.handle, name, AtFlags::empty()).map_err(|error| said(&self.shown.join(name), error))
    }

    /// Removes an empty folder; a folder that is not empty is kept.
    pub(super) fn remove_folder(&self, name: &OsStr) -> io::Result<()> {
        match rustix::fs::unlinkat(&self.handle, name, AtFlags::REMOVEDIR) {
            Ok(()) | Err(Errno::NOTEMPTY | Errno::EXIST | Errno::NOENT) => Ok(()),
            Err(error) => Err(said(&self.shown.join(name), error)),
        }
    }
}

fn said(path: &Path, error: Errno) -> io::Error {
    let error = io::Error::from(error);
    io::Error::new(error.kind(), format!("`{}`: {error}", path.display()))
}
