//! The order of a batch: called shared flows are deployed before their callers. Pure.

use std::collections::{BTreeMap, VecDeque};

use crate::bundle::BundleKind;

/// A bundle, with what determines its position.
#[derive(Debug, Clone, Copy)]
pub struct ScheduledBundle<'a> {
    /// Proxy or shared flow.
    pub kind: BundleKind,
    /// The name in Apigee.
    pub name: &'a str,
    /// The shared flows that it calls. Calls of bundles outside the batch are ignored here.
    pub calls: &'a [String],
}

/// The bundles that may start, by index in the list of nodes. Each index is returned once, so that one resource has one
/// writer.
#[derive(Debug, Clone)]
pub struct Schedule {
    /// The number of called shared flows that are not deployed yet.
    missing: Vec<usize>,
    /// The callers of a bundle.
    callers: Vec<Vec<usize>>,
    ready: VecDeque<usize>,
}

impl Schedule {
    /// The schedule of a list of nodes with distinct kinds and names. The error names a cycle of calls.
    pub fn new(nodes: &[ScheduledBundle<'_>]) -> Result<Self, String> {
        let flows: BTreeMap<&str, usize> = nodes
            .iter()
            .enumerate()
            .filter(|(_, node)| node.kind == BundleKind::SharedFlow)
            .map(|(index, node)| (node.name, index))
            .collect();
        let mut missing = vec![0; nodes.len()];
        let mut callers = vec![Vec::new(); nodes.len()];
        for (caller, node) in nodes.iter().enumerate() {
            let mut called: Vec<usize> =
                node.calls.iter().filter_map(|name| flows.get(name.as_str()).copied()).collect();
            called.sort_unstable();
            called.dedup();
            missing[caller] = called.len();
            for flow in called {
                callers[flow].push(caller);
            }
        }
        let mut ready: Vec<usize> = (0..nodes.len()).filter(|index| missing[*index] == 0).collect();
        // Other bundles wait only for shared flows, so these go first.
        ready.sort_by_key(|index| nodes[*index].kind == BundleKind::Proxy);
        let schedule = Self { missing, callers, ready: ready.into() };
        match schedule.circle(nodes, &flows) {
            Some(circle) => Err(circle),
            None => Ok(schedule),
        }
    }

    /// The next bundle that may start; `None` if all remaining bundles wait for others.
    pub fn start(&mut self) -> Option<usize> {
        self.ready.pop_front()
    }

    /// A bundle is deployed: a caller may start when everything that it calls is deployed.
    pub fn done(&mut self, index: usize) {
        for caller in self.callers.get(index).cloned().unwrap_or_default() {
            if let Some(missing) = self.missing.get_mut(caller).filter(|missing| **missing > 0) {
                *missing -= 1;
                if *missing == 0 {
                    self.ready.push_back(caller);
                }
            }
        }
    }

    /// A bundle failed: returns its direct and indirect callers, which will not start. Each is returned once, with the
    /// bundle that it waited for.
    pub fn failed(&mut self, index: usize) -> Vec<(usize, usize)> {
        let mut skipped = Vec::new();
        let mut open = vec![index];
        while let Some(failed) = open.pop() {
            for caller in self.callers.get_mut(failed).map(std::mem::take).unwrap_or_default() {
                // Zero: it is no longer waiting. It is set to zero below, since another flow that it calls may fail or
                // succeed later.
                if let Some(missing) = self.missing.get_mut(caller).filter(|missing| **missing > 0) {
                    *missing = 0;
                    skipped.push((caller, failed));
                    open.push(caller);
                }
            }
        }
        skipped.sort_unstable();
        skipped
    }

    /// A cycle of calls, as text, if there is one.
    fn circle(&self, nodes: &[ScheduledBundle<'_>], flows: &BTreeMap<&str, usize>) -> Option<String> {
        let mut rest = self.clone();
        let mut left: Vec<bool> = vec![true; nodes.len()];
        while let Some(index) = rest.start() {
            left[index] = false;
            rest.done(index);
        }
        // Each remaining bundle calls a remaining one, so following the calls leads back to an earlier bundle.
        let mut path: Vec<usize> = vec![left.iter().position(|left| *left)?];
        loop {
            let last = *path.last()?;
            let next =
                *nodes[last].calls.iter().filter_map(|name| flows.get(name.as_str())).find(|flow| left[**flow])?;
            if let Some(start) = path.iter().position(|index| *index == next) {
                let members = path[start..].iter().chain([&next]);
                let names: Vec<String> = members.map(|index| format!("`{}`", nodes[*index].name)).collect();
                return Some(names.join(" calls "));
            }
            path.push(next);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// `a` is a proxy, `f:` in front makes a shared flow, what follows is called.
    fn nodes(list: &[(&'static str, &[&str])]) -> Vec<(BundleKind, &'static str, Vec<String>)> {
        list.iter()
            .map(|(name, calls)| {
                let kind = if name.starts_with("f:") { BundleKind::SharedFlow } else { BundleKind::Proxy };
                (kind, name.trim_start_matches("f:"), calls.iter().map(|name| (*name).to_owned()).collect())
            })
            .collect()
    }

    fn schedule(list: &[(&'static str, &[&str])]) -> Result<Schedule, String> {
        let owned = nodes(list);
        let nodes: Vec<ScheduledBundle<'_>> =
            owned.iter().map(|(kind, name, calls)| ScheduledBundle { kind: *kind, name, calls }).collect();
        Schedule::new(&nodes)
    }

    fn drain(schedule: &mut Schedule) -> Vec<usize> {
        std::iter::from_fn(|| schedule.start()).collect()
    }

    #[test]
    fn what_is_called_goes_first() {
        // The proxy `log` is another thing than the shared flow.
        let mut schedule =
            schedule(&[("log", &["auth"]), ("free", &["elsewhere"]), ("f:auth", &["log", "log"]), ("f:log", &[])])
                .unwrap();
        assert_eq!(drain(&mut schedule), [3, 1]);
        schedule.done(1);
        assert_eq!(drain(&mut schedule), Vec::<usize>::new());
        schedule.done(3);
        assert_eq!(drain(&mut schedule), [2]);
        schedule.done(2);
        assert_eq!(drain(&mut schedule), [0]);
    }

    #[test]
    fn a_circle_is_named() {
        let error = schedule(&[("a", &["x"]), ("f:x", &["y"]), ("f:y", &["z"]), ("f:z", &["y"])]).unwrap_err();
        assert_eq!(error, "`y` calls `z` calls `y`");
        assert_eq!(schedule(&[("f:x", &["x"])]).unwrap_err(), "`x` calls `x`");
    }

    #[test]
    fn a_failure_takes_its_callers_along_and_no_others() {
        let list: &[(&str, &[&str])] =
            &[("f:x", &[]), ("f:y", &["x"]), ("a", &["x", "y"]), ("b", &["z"]), ("f:z", &[]), ("c", &["y", "z"])];
        let mut schedule = schedule(list).unwrap();
        assert_eq!(drain(&mut schedule), [0, 4]);
        assert_eq!(schedule.failed(0), [(1, 0), (2, 0), (5, 1)]);
        schedule.done(4);
        assert_eq!(drain(&mut schedule), [3]);
        assert_eq!(schedule.failed(3), []);
    }

    proptest! {
        #[test]
        fn every_bundle_ends_once_and_after_what_it_calls(
            calls in proptest::collection::vec(proptest::collection::vec(0_usize..12, 0..4), 12),
            fails in proptest::collection::vec(any::<bool>(), 12),
        ) {
            // A flow calls flows with a smaller number, so that there is no circle.
            let names: Vec<String> = (0..12).map(|number| number.to_string()).collect();
            let calls: Vec<Vec<String>> = calls
                .iter()
                .enumerate()
                .map(|(number, calls)| calls.iter().filter(|call| **call < number).map(ToString::to_string).collect())
                .collect();
            let nodes: Vec<ScheduledBundle<'_>> = names
                .iter()
                .zip(&calls)
                .map(|(name, calls)| ScheduledBundle { kind: BundleKind::SharedFlow, name, calls })
                .collect();
            let mut schedule = Schedule::new(&nodes).unwrap();
            let mut ended: Vec<Option<bool>> = vec![None; 12];
            while let Some(index) = schedule.start() {
                prop_assert_eq!(ended[index], None);
                for call in &calls[index] {
                    prop_assert_eq!(ended[call.parse::<usize>().unwrap()], Some(true));
                }
                ended[index] = Some(!fails[index]);
                if fails[index] {
                    for (skipped, cause) in schedule.failed(index) {
                        prop_assert_eq!(ended[skipped], None);
                        prop_assert!(calls[skipped].contains(&cause.to_string()));
                        ended[skipped] = Some(false);
                    }
                } else {
                    schedule.done(index);
                }
            }
            prop_assert!(ended.iter().all(Option::is_some));
        }
    }
}
