//! Finds the files below a folder, each once; symbolic links out of the folder are not followed.

use std::collections::{BTreeSet, VecDeque};
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use super::read::{Unreadable, kind_of};
use super::root::Root;

/// The maximum depth of folders.
const MAX_DEPTH: usize = 64;

/// The maximum number of entries.
const MAX_ENTRIES: usize = 200_000;

/// What to find.
pub struct Filter<'f> {
    /// Whether a file of this name is included.
    pub file: &'f dyn Fn(&str) -> bool,
    /// Whether a folder of this name is searched.
    pub folder: &'f dyn Fn(&str) -> bool,
}

/// The result of a search.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct FoundFiles {
    /// The included files, sorted by folder and name. A file with several symbolic links is included once.
    pub files: Vec<PathBuf>,
    /// The symbolic links to folders outside, which are not searched.
    pub outside: Vec<PathBuf>,
}

/// Why a folder cannot be read completely.
#[derive(Debug, thiserror::Error)]
pub enum WalkError {
    /// An included file, or a folder, cannot be read.
    #[error("`{}` {why}", path.display())]
    Unreadable {
        /// The path.
        path: PathBuf,
        /// The reason.
        why: Unreadable,
    },
    /// There are too many entries.
    #[error(
        "`{}` has more than {MAX_ENTRIES} files and folders; name a folder that contains only the specs",
        .0.display()
    )]
    TooMany(PathBuf),
    /// A folder is too deep.
    #[error("`{}` is more than {MAX_DEPTH} folders deep", .0.display())]
    TooDeep(PathBuf),
}

/// Finds files. Symbolic links are processed last, so that a file is found under its own name; a link to a file or folder
/// that was already found adds nothing.
pub fn walk(folder: &Path, filter: &Filter<'_>) -> Result<FoundFiles, WalkError> {
    let unreadable = |path: &Path, why: Unreadable| WalkError::Unreadable { path: path.to_owned(), why };
    let root = Root::open(folder).map_err(|error| unreadable(folder, error.into()))?;
    let mut walk = Walk {
        top: folder,
        filter,
        entries: 0,
        seen: BTreeSet::new(),
        links: VecDeque::new(),
        found: FoundFiles::default(),
    };
    walk.folder(folder, 0)?;
    while let Some(link) = walk.links.pop_front() {
        let is_wanted = (filter.file)(&name(&link));
        let real = match root.resolve(&link) {
            Ok(real) => real,
            Err(Unreadable::Outside { .. }) if !is_wanted && link.is_dir() => {
                walk.found.outside.push(link);
                continue;
            }
            Err(why) if is_wanted => return Err(unreadable(&link, why)),
            Err(_) => continue,
        };
        let kind = fs::metadata(&real).map_err(|error| unreadable(&link, error.into()))?.file_type();
        if kind.is_dir() && (filter.folder)(&name(&link)) {
            walk.folder(&link, 0)?;
        } else if is_wanted {
            walk.file(&link, kind)?;
        }
    }
    walk.found.files.sort();
    Ok(walk.found)
}

struct Walk<'w> {
    top: &'w Path,
    filter: &'w Filter<'w>,
    entries: usize,
    /// The files and folders found so far, by their paths without symbolic links.
    seen: BTreeSet<PathBuf>,
    links: VecDeque<PathBuf>,
    found: FoundFiles,
}

impl Walk<'_> {
    fn folder(&mut self, folder: &Path, depth: usize) -> Result<(), WalkError> {
        let unreadable = |error: std::io::Error| WalkError::Unreadable { path: folder.to_owned(), why: error.into() };
        if depth > MAX_DEPTH {
            return Err(WalkError::TooDeep(self.top.to_owned()));
        }
        if !self.seen.insert(folder.canonicalize().map_err(unreadable)?) {
            return Ok(());
        }
        let mut paths = Vec::new();
        for entry in fs::read_dir(folder).map_err(unreadable)? {
            self.entries += 1;
            if self.entries > MAX_ENTRIES {
                return Err(WalkError::TooMany(self.top.to_owned()));
            }
            let entry = entry.map_err(unreadable)?;
            paths.push((entry.path(), entry.file_type().map_err(unreadable)?));
        }
        paths.sort_by(|(a, _), (b, _)| a.cmp(b));
        for (path, kind) in paths {
            let name = name(&path);
            if kind.is_symlink() {
                if (self.filter.file)(&name) || (self.filter.folder)(&name) {
                    self.links.push_back(path);
                }
            } else if kind.is_dir() {
                if (self.filter.folder)(&name) {
                    self.folder(&path, depth + 1)?;
                }
            } else if (self.filter.file)(&name) {
                self.file(&path, kind)?;
            }
        }
        Ok(())
    }

    fn file(&mut self, path: &Path, kind: fs::FileType) -> Result<(), WalkError> {
        let unreadable = |why| WalkError::Unreadable { path: path.to_owned(), why };
        if !kind.is_file() {
            return Err(unreadable(Unreadable::NotAFile(kind_of(kind))));
        }
        if self.seen.insert(path.canonicalize().map_err(|error| unreadable(error.into()))?) {
            self.found.files.push(path.to_owned());
        }
        Ok(())
    }
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or(OsStr::new("")).to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn find(folder: &Path) -> Result<FoundFiles, WalkError> {
        let filter = Filter {
            file: &|name| Path::new(name).extension().is_some_and(|extension| extension == "yaml"),
            folder: &|name| !name.starts_with('.'),
        };
        walk(folder, &filter)
    }

    #[test]
    fn each_file_is_found_once_and_links_lead_round_in_no_circle() {
        let place = tempfile::tempdir().unwrap();
        let root = place.path().join("root");
        fs::create_dir_all(root.join("z/..data")).unwrap();
        fs::write(root.join("z/own.yaml"), "").unwrap();
        fs::write(root.join("z/..data/key.yaml"), "").unwrap();
        for (target, link) in [
            (".", "dot"),
            (".", "z/dot"),
            ("..", "z/up"),
            ("z", "a"),
            ("z/own.yaml", "a.yaml"),
            ("..data/key.yaml", "z/key.yaml"),
            ("none/such", "dangling"),
        ] {
            symlink(target, root.join(link)).unwrap();
        }
        let found = find(&root).unwrap();
        assert_eq!(found.files, [root.join("z/key.yaml"), root.join("z/own.yaml")]);
        assert!(found.outside.is_empty(), "{found:?}");
    }

    #[test]
    fn what_leads_out_is_reported() {
        let place = tempfile::tempdir().unwrap();
        let root = place.path().join("root");
        fs::create_dir_all(&root).unwrap();
        fs::create_dir_all(place.path().join("other")).unwrap();
        fs::write(place.path().join("other/x.yaml"), "").unwrap();
        symlink("../other", root.join("other")).unwrap();
        let found = find(&root).unwrap();
        assert_eq!((found.files, found.outside), (Vec::new(), vec![root.join("other")]));
        symlink("../other/x.yaml", root.join("x.yaml")).unwrap();
        let error = find(&root).unwrap_err().to_string();
        assert!(error.contains("x.yaml") && error.contains("out of"), "{error}");
    }

    #[test]
    fn a_pipe_is_an_error_and_no_wait() {
        let place = tempfile::tempdir().unwrap();
        let pipe = place.path().join("p.yaml");
        rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, rustix::fs::Mode::from_raw_mode(0o600)).unwrap();
        assert!(find(place.path()).unwrap_err().to_string().contains("is a named pipe"));
    }
}
