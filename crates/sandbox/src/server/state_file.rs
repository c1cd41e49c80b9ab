//! Saves the state to the disk, so that it survives a restart.
//!
//! The file is written under a temporary name and then renamed, before the response to a write request is sent. So neither the end of
//! the process nor a crash of the machine loses an acknowledged write, and the file is never incomplete. It contains entries of key value
//! maps and the secrets of apps, so only its owner may read it and the temporary file.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use crate::state::State;

/// The version of the file format that this program writes and reads.
const VERSION: u32 = 1;

/// The mode of all files: only the owner can read and write.
const PRIVATE: u32 = 0o600;

/// The name of the file format.
const FORMAT: &str = "apigee-flux sandbox";

/// A state file that this process has locked.
#[derive(Debug)]
pub(super) struct StateFile {
    path: PathBuf,
    /// Locked until this value is dropped.
    _lock: File,
    /// The last written content.
    written: Mutex<Vec<u8>>,
}

/// Why a state file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StateFileError {
    /// It cannot be read or written.
    #[error("the state file {path}: {error}; choose one in a folder that exists and can be written")]
    Io {
        /// The file.
        path: PathBuf,
        /// The error of the operating system.
        error: io::Error,
    },
    /// Another process uses it.
    #[error("the state file {path} is used by another sandbox; stop that one or choose another file")]
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// It was not written by the sandbox.
    #[error("the state file {path} is broken: {why}; move it away to start with an empty state")]
    Broken {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// It was written by a newer version of the program.
    #[error(
        "the state file {path} has version {version}, this program reads up to {VERSION}; use the newer program or another file"
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// The version of its format.
        version: u32,
    },
}

#[derive(Deserialize)]
struct StateFileHead {
    format: String,
    version: u32,
}

#[derive(Deserialize)]
struct StateFileContent {
    state: State,
}

#[derive(Serialize)]
struct StateFileContentRef<'a> {
    format: &'a str,
    version: u32,
    state: &'a State,
}

impl StateFile {
    /// Opens a file, which need not exist, and reads the state from it.
    pub(super) fn open(path: &Path) -> Result<(Self, State), StateFileError> {
        let failed = |error| StateFileError::Io { path: path.to_owned(), error };
        // The lock file has no content, and it is not truncated: it may be a link to another file.
        let mut options = File::options();
        options.write(true).create(true).truncate(false).mode(PRIVATE);
        let lock = options.open(beside(path, ".lock")).map_err(failed)?;
        lock.try_lock().map_err(|error| match error {
            fs::TryLockError::WouldBlock => StateFileError::InUse { path: path.to_owned() },
            fs::TryLockError::Error(error) => failed(error),
        })?;
        let (written, state) = match fs::read(path) {
            Ok(bytes) => {
                let state = parse(path, &bytes)?;
                (bytes, state)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => (Vec::new(), State::default()),
            Err(error) => return Err(failed(error)),
        };
        Ok((Self { path: path.to_owned(), _lock: lock, written: Mutex::new(written) }, state))
    }

    /// Writes the result of `state`, unless the file already has that content. `state` is called under a lock, so that the later of two
    /// calls writes the later state.
    pub(super) fn save(&self, state: impl FnOnce() -> io::Result<Vec<u8>>) -> Result<(), StateFileError> {
        let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        let failed = |error| StateFileError::Io { path: self.path.clone(), error };
        let bytes = state().map_err(failed)?;
        if bytes == *written {
            return Ok(());
        }
        self.replace(&bytes).map_err(failed)?;
        *written = bytes;
        Ok(())
    }

    fn replace(&self, bytes: &[u8]) -> io::Result<()> {
        let temporary = beside(&self.path, ".new");
        // A temporary file of a killed process may have another mode, and one of another user may be a link.
        match fs::remove_file(&temporary) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = File::options().write(true).create_new(true).mode(PRIVATE).open(&temporary)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(temporary, &self.path)?;
        // The new name is durable when its folder is synced.
        let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
    }
}

/// The content of the file.
pub(super) fn content(state: &State) -> io::Result<Vec<u8>> {
    let mut bytes = serde_json::to_vec(&StateFileContentRef { format: FORMAT, version: VERSION, state })?;
    bytes.push(b'\n');
    Ok(bytes)
}

fn parse(path: &Path, bytes: &[u8]) -> Result<State, StateFileError> {
    let broken = |why: String| StateFileError::Broken { path: path.to_owned(), why };
    let head: StateFileHead = serde_json::from_slice(bytes).map_err(|error| broken(error.to_string()))?;
    if head.format != FORMAT {
        return Err(broken(format!("its format is \"{}\", expected \"{FORMAT}\"", head.format)));
    }
    if head.version > VERSION {
        return Err(StateFileError::Newer { path: path.to_owned(), version: head.version });
    }
    let content: StateFileContent = serde_json::from_slice(bytes).map_err(|error| broken(error.to_string()))?;
    Ok(content.state)
}

/// The path with a suffix.
fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = OsString::from(path.as_os_str());
    name.push(ending);
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::api::{ApiRequest, METHODS, RequestBody, Verb};
    use crate::settings::Settings;
    use crate::state::SimulatedFailure;
    use apigee_flux_model::bundle::{BundleKind, BundlePath, Files, zip};

    const DEPLOYMENT: &str = "environments/{env}/apis/{name}/revisions/{rev}/deployments";

    /// A state with at least one resource of each type.
    fn full() -> State {
        let files: Files = [
            ("a.xml", "<APIProxy name='a'/>"),
            (
                "proxies/default.xml",
                "<ProxyEndpoint name='default'><HTTPProxyConnection><BasePath>/a</BasePath></HTTPProxyConnection></ProxyEndpoint>",
            ),
        ]
        .map(|(path, text)| (BundlePath::parse(path).unwrap(), text.as_bytes().to_vec()))
        .into_iter()
        .collect();
        let bundle = zip::pack(BundleKind::Proxy, &files).unwrap();
        let mut state = State::new(Settings { progressing: 10, ..Settings::default() });
        let json = |body: Value| RequestBody::Whole(body.to_string().into_bytes());
        let zip = || RequestBody::Whole(bundle.clone());
        let deployment = |rev| [("env", "prod"), ("name", "a"), ("rev", rev)];
        let account = ("serviceAccount", "x@y");
        for (now, verb, path, parameters, queries, body) in [
            (
                1,
                Verb::Post,
                "environments",
                &[][..],
                &[("name", "prod")][..],
                json(json!({"properties": {"property": []}})),
            ),
            (1, Verb::Post, "envgroups", &[], &[("name", "g")], json(json!({"hostnames": ["h"]}))),
            (
                20,
                Verb::Post,
                "envgroups/{group}/attachments",
                &[("group", "g")],
                &[],
                json(json!({"environment": "prod"})),
            ),
            (30, Verb::Post, "apis", &[], &[("name", "a"), ("action", "import"), ("space", "s")], zip()),
            (31, Verb::Post, "apis", &[], &[("name", "a"), ("action", "import")], zip()),
            (
                32,
                Verb::Patch,
                "apis/{name}",
                &[("name", "a")],
                &[("updateMask", "labels")],
                json(json!({"labels": {"k": "v"}})),
            ),
            (40, Verb::Post, DEPLOYMENT, &deployment("1"), &[account], RequestBody::default()),
            (60, Verb::Post, DEPLOYMENT, &deployment("2"), &[account, ("override", "true")], RequestBody::default()),
        ] {
            if now == 60 {
                state.simulate_failure("a", SimulatedFailure::Error("m".to_owned()));
            }
            let path = format!("/v1/organizations/{{org}}/{path}");
            let mut methods = METHODS.iter().flat_map(|methods| methods.iter());
            let method = methods.find(|method| method.verb == verb && method.path() == path).unwrap();
            let mut request = ApiRequest { body, now, ..ApiRequest::to("x", parameters) };
            for (name, value) in queries {
                request = request.with(name, value);
            }
            state.call(method, request).unwrap();
        }
        state
    }

    #[test]
    fn only_the_owner_reads_the_files() {
        use std::os::unix::fs::{PermissionsExt as _, symlink};
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let mode = |name: &str| fs::metadata(at(name)).unwrap().permissions().mode() & 0o777;
        // What an older version, a killed process and another user may have left.
        fs::write(at("state"), content(&State::default()).unwrap()).unwrap();
        fs::set_permissions(at("state"), fs::Permissions::from_mode(0o644)).unwrap();
        fs::write(at("other"), "kept").unwrap();
        symlink(at("other"), at("state.new")).unwrap();
        symlink(at("other"), at("state.lock")).unwrap();
        let (file, _) = StateFile::open(&at("state")).unwrap();
        file.save(|| content(&full())).unwrap();
        assert_eq!(mode("state"), 0o600);
        assert_eq!(fs::read_to_string(at("other")).unwrap(), "kept");
        assert!(!at("state.new").exists(), "the temporary file is left");
        assert!(parse(Path::new("f"), &fs::read(at("state")).unwrap()).is_ok());
        let (fresh, _) = StateFile::open(&at("fresh")).unwrap();
        fresh.save(|| content(&full())).unwrap();
        assert_eq!((mode("fresh"), mode("fresh.lock")), (0o600, 0o600));
    }

    #[test]
    fn the_file_holds_everything() {
        let state = full();
        let written = content(&state).unwrap();
        let read = parse(Path::new("f"), &written).unwrap().with_settings(state.settings.clone());
        assert_eq!(content(&read).unwrap(), written);
        for now in [61, 100] {
            assert_eq!(read.summary(now), state.summary(now));
            assert_eq!(read.environment_names("o", now), ["prod"]);
        }
        let summary = read.summary(100);
        assert_eq!(summary["organizations"][0]["deployments"][0]["state"], "ERROR");
        assert_eq!(summary["organizations"][0]["environmentGroups"][0]["environments"], json!(["prod"]));
    }
}
