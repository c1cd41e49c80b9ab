//! A folder that no path may leave.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::read::{Unreadable, open_regular, read_bounded};

/// How often a file may be replaced while it is opened. The kubelet replaces a volume once.
const ATTEMPTS: usize = 5;

/// A folder from which files are read, and none outside it.
#[derive(Debug, Clone)]
pub struct Root {
    shown: PathBuf,
    real: PathBuf,
}

impl Root {
    /// Opens the folder at a path, which may be a symbolic link.
    pub fn open(folder: &Path) -> io::Result<Self> {
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        Ok(Self { shown: folder.to_owned(), real: folder.canonicalize()? })
    }

    /// The path without symbolic links, if it is in the folder.
    pub fn resolve(&self, path: &Path) -> Result<PathBuf, Unreadable> {
        let real = path.canonicalize()?;
        if real.starts_with(&self.real) {
            Ok(real)
        } else {
            Err(Unreadable::Outside { root: self.shown.clone(), real })
        }
    }

    /// Reads a regular file in the folder. Symbolic links that stay in the folder are followed: the kubelet creates
    /// them in a volume (`policies -> ..data/policies`).
    pub fn read(&self, path: &Path, limit: usize) -> Result<Vec<u8>, Unreadable> {
        for _ in 0..ATTEMPTS {
            // Checked before anything outside is opened.
            self.resolve(path)?;
            let file = open_regular(path)?;
            // A link may have changed in between: the opened file must be the one that is in the folder now.
            let real = self.resolve(path)?;
            let (opened, there) = (file.metadata()?, fs::symlink_metadata(&real)?);
            if (opened.dev(), opened.ino()) == (there.dev(), there.ino()) {
                return read_bounded(file, limit);
            }
        }
        Err(Unreadable::Restless)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn links_inside_are_followed_and_those_that_leave_are_refused() {
        let place = tempfile::tempdir().unwrap();
        let root = place.path().join("root");
        fs::create_dir_all(root.join("..data")).unwrap();
        fs::write(root.join("..data/a"), "inside").unwrap();
        fs::write(place.path().join("secret"), "outside").unwrap();
        symlink("..data/a", root.join("a")).unwrap();
        symlink("../secret", root.join("b")).unwrap();
        symlink("..", root.join("up")).unwrap();
        symlink(&root, place.path().join("link")).unwrap();
        let read = |root: &Root, name: &str| root.read(&root.shown.join(name), 100);
        for shown in [root, place.path().join("link")] {
            let root = Root::open(&shown).unwrap();
            assert_eq!(read(&root, "a").unwrap(), b"inside");
            for name in ["b", "up/secret", "../secret"] {
                let why = read(&root, name).unwrap_err();
                assert!(matches!(why, Unreadable::Outside { .. }), "{name}: {why}");
            }
            assert!(read(&root, "none").unwrap_err().is_missing());
        }
    }
}
