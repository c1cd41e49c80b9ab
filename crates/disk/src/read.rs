//! Reads files with a size limit, and regular files only.

use std::fmt;
use std::fs::{self, File, FileType};
use std::io::{self, Read as _};
use std::os::unix::fs::FileTypeExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags};

/// Why a file is not read. The text follows the file's name in a message.
#[derive(Debug)]
pub enum Unreadable {
    /// An error of the operating system.
    Io(io::Error),
    /// A symbolic link in its path leads out of the folder.
    Outside {
        /// The folder that the path must stay in.
        root: PathBuf,
        /// The path that the link leads to.
        real: PathBuf,
    },
    /// It is not a regular file.
    NotAFile(&'static str),
    /// It has more bytes than this.
    TooLarge(usize),
    /// It was replaced several times while it was read.
    Restless,
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => write!(f, "cannot be read: {error}"),
            Self::Outside { root, real } => {
                write!(f, "is a symbolic link out of `{}`, to `{}`", root.display(), real.display())
            }
            Self::NotAFile(what) => write!(f, "is {what}, not a regular file"),
            Self::TooLarge(limit) => write!(f, "has more than {limit} bytes"),
            Self::Restless => f.write_str("cannot be read: it is replaced again and again"),
        }
    }
}

impl std::error::Error for Unreadable {}

impl From<io::Error> for Unreadable {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl Unreadable {
    /// True if the file does not exist.
    pub fn is_missing(&self) -> bool {
        matches!(self, Self::Io(error) if error.kind() == io::ErrorKind::NotFound)
    }
}

/// The name of a file type other than a regular file.
pub(super) fn kind_of(kind: FileType) -> &'static str {
    if kind.is_dir() {
        "a folder"
    } else if kind.is_fifo() {
        "a named pipe"
    } else if kind.is_socket() {
        "a socket"
    } else if kind.is_symlink() {
        "a symbolic link"
    } else {
        "a device"
    }
}

/// Opens a regular file. Opening a pipe would wait for its other end, and opening a device may have an effect, so the
/// type is checked before, and again after the file was opened.
pub fn open_regular(path: &Path) -> Result<File, Unreadable> {
    let is_file = |kind: FileType| if kind.is_file() { Ok(()) } else { Err(Unreadable::NotAFile(kind_of(kind))) };
    is_file(fs::metadata(path)?.file_type())?;
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
    let file = File::from(rustix::fs::open(path, flags, Mode::empty()).map_err(io::Error::from)?);
    is_file(file.metadata()?.file_type())?;
    Ok(file)
}

/// Reads at most `limit` bytes; more are an error.
pub(super) fn read_bounded(file: impl io::Read, limit: usize) -> Result<Vec<u8>, Unreadable> {
    let mut bytes = Vec::new();
    file.take(limit as u64 + 1).read_to_end(&mut bytes)?;
    if bytes.len() > limit { Err(Unreadable::TooLarge(limit)) } else { Ok(bytes) }
}

/// Reads a regular file; symbolic links are followed.
pub fn read_regular(path: &Path, limit: usize) -> Result<Vec<u8>, Unreadable> {
    read_bounded(open_regular(path)?, limit)
}

/// Reads a file that the command line names: it may be a pipe, such as the `<(…)` of a shell.
pub fn read_named(path: &Path, limit: usize) -> Result<Vec<u8>, Unreadable> {
    read_bounded(File::open(path)?, limit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pipe_and_a_device_are_refused_and_a_large_file_too() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, Mode::from_raw_mode(0o600)).unwrap();
        assert!(matches!(read_regular(&pipe, 9), Err(Unreadable::NotAFile("a named pipe"))));
        assert!(matches!(read_regular(Path::new("/dev/zero"), 9), Err(Unreadable::NotAFile("a device"))));
        assert!(matches!(read_named(Path::new("/dev/zero"), 9), Err(Unreadable::TooLarge(9))));
        let file = folder.path().join("file");
        fs::write(&file, "123456789").unwrap();
        assert_eq!(read_regular(&file, 9).unwrap(), b"123456789");
        assert!(matches!(read_regular(&file, 8), Err(Unreadable::TooLarge(8))));
        assert!(read_regular(&folder.path().join("none"), 8).unwrap_err().is_missing());
    }
}
