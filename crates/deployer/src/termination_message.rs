//! The limits of the message that a container leaves when it ends.

/// The kubelet truncates a termination message to this size, in bytes (Kubernetes, `terminationMessagePath`).
pub const MAX_LINE: usize = 4096;

/// A reason in a summary is truncated to this length, in characters: the outcome of the bundle contains the whole
/// reason.
const MAX_REASON: usize = 240;

/// Truncates a reason for a summary.
pub fn cut(reason: &str) -> String {
    let end = reason.char_indices().nth(MAX_REASON).map(|(at, _)| at);
    end.map_or_else(|| reason.to_owned(), |at| format!("{}…", &reason[..at]))
}
