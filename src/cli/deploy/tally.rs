//! The progress of a batch.

use std::fmt;

use apigee_flux_deployer::{DeployReport, Outcome};
use apigee_flux_model::bundle::BundleKind;

/// How many of the bundles in progress are named.
const NAMED: usize = 3;

/// Counts the bundles of a batch as they start and end.
#[derive(Debug, Clone)]
pub(super) struct Tally {
    total: usize,
    done: usize,
    failed: usize,
    /// The bundles in progress, in the order of their start.
    working: Vec<(BundleKind, String)>,
}

impl Tally {
    /// A tally before the first bundle starts.
    pub(super) fn new(total: usize) -> Self {
        Self { total, done: 0, failed: 0, working: Vec::new() }
    }

    /// Records work on a bundle. True if the bundle has just started.
    pub(super) fn works_on(&mut self, kind: BundleKind, name: &str) -> bool {
        let is_new = !self.working.iter().any(|(k, n)| (*k, n.as_str()) == (kind, name));
        if is_new {
            self.working.push((kind, name.to_owned()));
        }
        is_new
    }

    /// Records the end of a bundle, whether it was started or not.
    pub(super) fn ended(&mut self, report: &DeployReport) {
        let Outcome { kind, name, .. } = &report.outcome;
        self.working.retain(|(k, n)| (Some(*k), Some(n)) != (*kind, name.as_ref()));
        self.done += 1;
        self.failed += usize::from(!report.exit.is_ok());
    }
}

/// `12/40 done, 2 failed, working on orders-v1, billing …`.
impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{} done", self.done, self.total)?;
        if self.failed > 0 {
            write!(f, ", {} failed", self.failed)?;
        }
        let names: Vec<&str> = self.working.iter().take(NAMED).map(|(_, name)| name.as_str()).collect();
        if !names.is_empty() {
            write!(f, ", working on {}", names.join(", "))?;
        }
        if self.working.len() > NAMED { f.write_str(" …") } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use apigee_flux_deployer::{Error, Target};
    use apigee_flux_model::exit::Exit;

    fn ended(kind: BundleKind, name: &str, failed: bool) -> DeployReport {
        let target = Target { organization: "o".parse().unwrap(), environment: "e".parse().unwrap() };
        let mut report = DeployReport::failed(&target, &Error::Refused(String::new()), std::time::Duration::ZERO);
        (report.outcome.kind, report.outcome.name) = (Some(kind), Some(name.to_owned()));
        DeployReport { exit: if failed { report.exit } else { Exit::Ok }, ..report }
    }

    #[test]
    fn what_starts_is_named_and_what_ends_is_counted() {
        let mut tally = Tally::new(40);
        assert_eq!(tally.to_string(), "0/40 done");
        assert!(tally.works_on(BundleKind::SharedFlow, "common"));
        assert!(!tally.works_on(BundleKind::SharedFlow, "common"));
        assert!(tally.works_on(BundleKind::Proxy, "common"), "a proxy of that name is another thing");
        assert_eq!(tally.to_string(), "0/40 done, working on common, common");
        tally.ended(&ended(BundleKind::SharedFlow, "common", false));
        tally.ended(&ended(BundleKind::Proxy, "never-started", true));
        for name in ["a", "b", "c"] {
            tally.works_on(BundleKind::Proxy, name);
        }
        assert_eq!(tally.to_string(), "2/40 done, 1 failed, working on common, a, b …");
    }
}
