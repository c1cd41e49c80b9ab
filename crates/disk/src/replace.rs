//! Writes all files of an output, or none.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{self, Write as _};
use std::path::{Component, Path, PathBuf};

use super::folder::{EntryKind, Folder};
use super::read::read_bounded;

/// Deeper folders are not searched: no output is that deep.
const MAX_DEPTH: usize = 64;

/// Larger files are not outputs.
const MAX_OUTPUT_BYTES: usize = 64 << 20;

/// The files of an output folder, and the outputs of an earlier run in it.
///
/// All files are written under temporary names first, then all are renamed, then stale files are removed. An error
/// before the first rename leaves the folder unchanged. Symbolic links in the folder are not followed: a link in place
/// of a file is replaced, a link in place of a folder is an error.
pub struct Replacement<'r> {
    /// Each file's path below the folder, and its content.
    pub files: &'r BTreeMap<String, Vec<u8>>,
    /// Whether a file in the folder may be an output of an earlier run, according to its path.
    pub may_be_stale: &'r dyn Fn(&Path) -> bool,
    /// Whether it is one, according to its content.
    pub is_stale: &'r dyn Fn(&Path, &[u8]) -> bool,
}

impl Replacement<'_> {
    /// Writes the files. The folder is created if it does not exist.
    pub fn write(&self, folder: &Path) -> io::Result<()> {
        let places: Vec<(RelativeFile, &[u8])> = self
            .files
            .iter()
            .map(|(path, bytes)| Ok((RelativeFile::of(path)?, bytes.as_slice())))
            .collect::<io::Result<_>>()?;
        fs::create_dir_all(folder).map_err(|error| named(folder, &error))?;
        let root = Folder::open(folder)?;
        let mut stale = Vec::new();
        self.find_stale(&root, Path::new(""), 0, &mut stale)?;
        let mut staged = Staged { root: &root, folders: Vec::new(), files: Vec::new() };
        for (number, (place, bytes)) in places.iter().enumerate() {
            staged.add(place, number, bytes)?;
        }
        staged.commit()?;
        stale.into_iter().try_for_each(|path| remove(&root, &path))
    }

    fn find_stale(&self, folder: &Folder, below: &Path, depth: usize, stale: &mut Vec<PathBuf>) -> io::Result<()> {
        if depth > MAX_DEPTH {
            return Err(io::Error::other(format!(
                "`{}` is more than {MAX_DEPTH} folders deep",
                folder.shown().display()
            )));
        }
        for (name, kind) in folder.entries()? {
            let path = below.join(&name);
            if kind == EntryKind::Folder {
                self.find_stale(&folder.child(&name)?, &path, depth + 1, stale)?;
                continue;
            }
            if !(self.may_be_stale)(&path) || self.files.contains_key(path.to_string_lossy().as_ref()) {
                continue;
            }
            let bytes = match kind {
                EntryKind::File => read_bounded(folder.file(&name)?, MAX_OUTPUT_BYTES).unwrap_or_default(),
                EntryKind::Folder | EntryKind::Other => Vec::new(),
            };
            if (self.is_stale)(&path, &bytes) {
                stale.push(path);
            }
        }
        Ok(())
    }
}

/// A file below a folder.
struct RelativeFile {
    folders: Vec<OsString>,
    name: OsString,
}

impl RelativeFile {
    fn of(path: &str) -> io::Result<Self> {
        let part = |part: Component<'_>| match part {
            Component::Normal(part) => Ok(part.to_owned()),
            _ => Err(io::Error::other(format!("`{path}` is not a path below the folder"))),
        };
        let mut folders: Vec<OsString> = Path::new(path).components().map(part).collect::<io::Result<_>>()?;
        let name = folders.pop().ok_or_else(|| io::Error::other("the path of a file is empty"))?;
        Ok(Self { folders, name })
    }
}

/// Files with temporary names. They are removed unless they are committed.
struct Staged<'r> {
    root: &'r Folder,
    /// The created folders, outer ones first.
    folders: Vec<Vec<OsString>>,
    /// The folders, the temporary name, and the final name.
    files: Vec<(Vec<OsString>, OsString, OsString)>,
}

impl Staged<'_> {
    fn add(&mut self, place: &RelativeFile, number: usize, bytes: &[u8]) -> io::Result<()> {
        let folder = self.folder(&place.folders)?;
        if folder.kind(&place.name)? == Some(EntryKind::Folder) {
            let shown = folder.shown().join(&place.name);
            return Err(io::Error::other(format!(
                "`{}` is a folder, but a file must be written there",
                shown.display()
            )));
        }
        let temporary = temporary(number);
        let mut file = folder.create(&temporary)?;
        self.files.push((place.folders.clone(), temporary, place.name.clone()));
        file.write_all(bytes).map_err(|error| named(&folder.shown().join(&place.name), &error))
    }

    /// Opens the folder and creates missing folders.
    fn folder(&mut self, names: &[OsString]) -> io::Result<Folder> {
        let mut folder: Option<Folder> = None;
        for (depth, name) in names.iter().enumerate() {
            let (child, made) = folder.as_ref().unwrap_or(self.root).child_or_new(name)?;
            if made {
                self.folders.push(names[..=depth].to_vec());
            }
            folder = Some(child);
        }
        folder.map_or_else(|| descend(self.root, &[]), Ok)
    }

    fn commit(mut self) -> io::Result<()> {
        let all = self.files.len();
        for (done, (folders, temporary, name)) in std::mem::take(&mut self.files).into_iter().enumerate() {
            let renamed = descend(self.root, &folders).and_then(|folder| folder.rename(&temporary, &name));
            if let Err(error) = renamed {
                self.files.push((folders, temporary, name));
                return Err(io::Error::new(error.kind(), format!("{error} ({done} of {all} files were replaced)")));
            }
        }
        self.folders.clear();
        Ok(())
    }
}

impl Drop for Staged<'_> {
    /// Errors are ignored here; the error that led here describes the problem.
    fn drop(&mut self) {
        for (folders, temporary, _) in &self.files {
            let _ = descend(self.root, folders).and_then(|folder| folder.remove(temporary));
        }
        for names in self.folders.iter().rev() {
            if let Some((name, parents)) = names.split_last() {
                let _ = descend(self.root, parents).and_then(|folder| folder.remove_folder(name));
            }
        }
    }
}

/// Opens a folder below another, without following symbolic links.
fn descend(root: &Folder, names: &[OsString]) -> io::Result<Folder> {
    names.iter().try_fold(root.child(OsStr::new("."))?, |folder, name| folder.child(name))
}

/// Removes a file, and the folders that are empty then.
fn remove(root: &Folder, path: &Path) -> io::Result<()> {
    let RelativeFile { mut folders, name } = RelativeFile::of(&path.to_string_lossy())?;
    descend(root, &folders)?.remove(&name)?;
    while let Some(name) = folders.pop() {
        descend(root, &folders)?.remove_folder(&name)?;
    }
    Ok(())
}

/// A name that no user gives a file and that no reader of specs uses.
fn temporary(number: usize) -> OsString {
    format!(".apigee-flux-{}-{number}.tmp", std::process::id()).into()
}

/// Creates or replaces one file. Its folder is created if it does not exist.
pub fn replace_file(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let (folder, name) = split(path)?;
    let files = BTreeMap::from([(name, bytes.to_vec())]);
    Replacement { files: &files, may_be_stale: &|_| false, is_stale: &|_, _| false }.write(&folder)
}

/// Creates one file that does not exist yet. A failed write leaves no file.
pub fn create_file(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let (folder, name) = split(path)?;
    fs::create_dir_all(&folder).map_err(|error| named(&folder, &error))?;
    let (folder, name) = (Folder::open(&folder)?, OsString::from(name));
    let written = folder.create(&name)?.write_all(bytes);
    written.map_err(|error| {
        let _ = folder.remove(&name);
        named(path, &error)
    })
}

fn split(path: &Path) -> io::Result<(PathBuf, String)> {
    let name = path.file_name().and_then(OsStr::to_str);
    let name = name.ok_or_else(|| io::Error::other(format!("`{}` is not the name of a file", path.display())))?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    Ok((folder.to_owned(), name.to_owned()))
}

fn named(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("`{}`: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn write(folder: &Path, files: &[(&str, &str)]) -> io::Result<()> {
        let files = files.iter().map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec())).collect();
        let is_ours = |_: &Path, bytes: &[u8]| bytes.starts_with(b"ours");
        Replacement { files: &files, may_be_stale: &|_| true, is_stale: &is_ours }.write(folder)
    }

    /// All names below a folder, with the content of files.
    fn tree(folder: &Path) -> BTreeMap<String, String> {
        let mut found = BTreeMap::new();
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.symlink_metadata().unwrap().is_dir() {
                found.extend(tree(&path).into_iter().map(|(below, text)| (format!("{name}/{below}"), text)));
                found.insert(name, "(folder)".to_owned());
            } else {
                let text = fs::read_to_string(&path).unwrap_or_default();
                found.insert(name, text);
            }
        }
        found
    }

    #[test]
    fn what_is_stale_goes_with_its_folder_and_the_rest_stays() {
        let place = tempfile::tempdir().unwrap();
        let out = place.path().join("out");
        write(&out, &[("a/b/old", "ours 1"), ("a/same", "ours 1")]).unwrap();
        fs::write(out.join("a/mine"), "mine").unwrap();
        write(&out, &[("a/same", "ours 2"), ("new", "ours 2")]).unwrap();
        let expected = [("a", "(folder)"), ("a/mine", "mine"), ("a/same", "ours 2"), ("new", "ours 2")];
        assert_eq!(tree(&out), expected.map(|(path, text)| (path.to_owned(), text.to_owned())).into());
    }

    #[test]
    fn links_are_not_followed() {
        let place = tempfile::tempdir().unwrap();
        let (out, other) = (place.path().join("out"), place.path().join("other"));
        fs::create_dir_all(&out).unwrap();
        fs::create_dir_all(&other).unwrap();
        fs::write(other.join("stale"), "ours").unwrap();
        fs::write(other.join("file"), "ours").unwrap();
        symlink("../other", out.join("folder")).unwrap();
        symlink("../other/file", out.join("file")).unwrap();
        let before = tree(&other);
        write(&out, &[("file", "ours, new")]).unwrap();
        assert_eq!(fs::read_to_string(out.join("file")).unwrap(), "ours, new");
        assert!(out.join("file").symlink_metadata().unwrap().is_file());
        let why = write(&out, &[("file", "ours, newer"), ("folder/file", "x")]).unwrap_err().to_string();
        assert!(why.contains("symbolic link"), "{why}");
        assert_eq!(
            fs::read_to_string(out.join("file")).unwrap(),
            "ours, new",
            "nothing is written if something cannot be"
        );
        assert_eq!(tree(&other), before);
        // The folder itself may be a link: whoever names it trusts it.
        symlink("out", place.path().join("link")).unwrap();
        write(&place.path().join("link"), &[("file", "ours, by the link")]).unwrap();
        assert_eq!(fs::read_to_string(out.join("file")).unwrap(), "ours, by the link");
    }

    #[test]
    fn a_write_that_fails_leaves_what_was_there() {
        let place = tempfile::tempdir().unwrap();
        let out = place.path().join("out");
        write(&out, &[("a/one", "ours 1"), ("b/two", "ours 1"), ("stale", "ours 1")]).unwrap();
        fs::create_dir(out.join("c")).unwrap();
        let before = tree(&out);
        for file in ["c", "../out/x", "/x", "a/one/x", "n/../x"] {
            let files = [("a/one", "ours 2"), ("b/two", "ours 2"), ("n/new", "ours 2"), (file, "ours 2")];
            assert!(write(&out, &files).is_err(), "{file}");
            assert_eq!(tree(&out), before, "{file}");
        }
    }

    #[test]
    fn a_pipe_in_the_output_is_no_wait() {
        let place = tempfile::tempdir().unwrap();
        let pipe = place.path().join("pipe");
        rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, rustix::fs::Mode::from_raw_mode(0o600)).unwrap();
        write(place.path(), &[("a", "ours")]).unwrap();
        assert!(pipe.symlink_metadata().is_ok());
        write(place.path(), &[("pipe", "ours")]).unwrap();
        assert_eq!(fs::read_to_string(pipe).unwrap(), "ours");
    }

    #[test]
    fn a_file_is_made_once_and_by_no_link() {
        let place = tempfile::tempdir().unwrap();
        let file = place.path().join("a/b");
        create_file(&file, b"1").unwrap();
        assert!(create_file(&file, b"2").is_err());
        symlink("nowhere", place.path().join("a/link")).unwrap();
        assert!(create_file(&place.path().join("a/link"), b"2").is_err());
        assert_eq!(tree(place.path()).get("a/b").map(String::as_str), Some("1"));
        replace_file(&file, b"3").unwrap();
        assert_eq!(tree(place.path()).get("a/b").map(String::as_str), Some("3"));
    }
}
