//! The exit codes of the program, and which of them tell a Job to try again.

/// How the program ends. The numbers from 64 to 77 are those of `sysexits.h`, where 67 has another meaning; 143 is what
/// shells report for a process that SIGTERM ended.
///
/// | number | `sysexits.h` | meaning | another attempt |
/// |---|---|---|---|
/// | 0 | `EX_OK` | the desired state is reached, or nothing was found | |
/// | 1 | | a command that is not run by a Job found errors in the specs or could not do its work | |
/// | 2 | | a comparison found differences | |
/// | 64 | `EX_USAGE` | the command line, the manifest or a name is invalid | useless |
/// | 65 | `EX_DATAERR` | the bundle, or the change that it would cause, is not allowed | useless |
/// | 66 | `EX_NOINPUT` | a file is missing or too large | useless |
/// | 67 | `EX_NOUSER` | the bundle differs from the rendered one | useless |
/// | 69 | `EX_UNAVAILABLE` | Apigee was not reached, did not respond as documented, or lacks an object | may succeed |
/// | 73 | `EX_CANTCREAT` | another owner has the resource | useless |
/// | 75 | `EX_TEMPFAIL` | a failure that another attempt may not have | may succeed |
/// | 77 | `EX_NOPERM` | there is no token, the credentials are not allowed, or a permission is missing | useless |
/// | 143 | | SIGTERM stopped the run; the next one continues | may succeed |
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Exit {
    /// Success.
    #[default]
    Ok = 0,
    /// Errors in the specs, or a failure of a command that no Job runs.
    Failure = 1,
    /// There are differences.
    Different = 2,
    /// Wrong usage.
    Usage = 64,
    /// Data that is not allowed.
    DataError = 65,
    /// A missing or too large file.
    NoInput = 66,
    /// Files that differ from the rendered ones.
    Altered = 67,
    /// Apigee is not available.
    Unavailable = 69,
    /// Another owner has the resource.
    OtherOwner = 73,
    /// A temporary failure.
    TemporaryFailure = 75,
    /// No permission.
    NoPermission = 77,
    /// Stopped by SIGTERM.
    Terminated = 143,
}

impl Exit {
    /// The exits after which another attempt is useless: a Job's `podFailurePolicy` fails immediately.
    pub const PERMANENT: [Self; 6] =
        [Self::Usage, Self::DataError, Self::NoInput, Self::Altered, Self::OtherOwner, Self::NoPermission];

    /// The exit code of the process.
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// True for success.
    pub fn is_ok(self) -> bool {
        self == Self::Ok
    }

    /// True for a failure of Apigee or of the network that another attempt may not have.
    pub fn is_temporary(self) -> bool {
        matches!(self, Self::Unavailable | Self::TemporaryFailure)
    }

    /// The exit of a run of several parts: temporary if another attempt may resolve one of the failures (it costs little
    /// for the other parts), otherwise the failure with the lowest code.
    pub fn of_all(parts: impl IntoIterator<Item = Self>) -> Self {
        let failures: Vec<Self> = parts.into_iter().filter(|exit| !exit.is_ok()).collect();
        if failures.iter().any(|exit| exit.is_temporary()) {
            return Self::TemporaryFailure;
        }
        failures.into_iter().min().unwrap_or(Self::Ok)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_that_may_pass_makes_the_job_try_again() {
        use Exit::{DataError, NoPermission, Ok, TemporaryFailure, Terminated, Unavailable};
        for (parts, expected) in [
            (&[Ok, Ok][..], Ok),
            (&[Ok, DataError], DataError),
            (&[NoPermission, DataError], DataError),
            (&[DataError, TemporaryFailure], TemporaryFailure),
            (&[Ok, Unavailable], TemporaryFailure),
            (&[Terminated, DataError], DataError),
            (&[], Ok),
        ] {
            assert_eq!(Exit::of_all(parts.iter().copied()), expected, "{parts:?}");
        }
    }

    #[test]
    fn what_may_pass_is_not_permanent() {
        let codes: Vec<u8> = Exit::PERMANENT.iter().map(|exit| exit.code()).collect();
        assert_eq!(codes, [64, 65, 66, 67, 73, 77]);
        assert!(!Exit::PERMANENT.iter().any(|exit| exit.is_temporary()));
    }
}
