//! Which requests a condition matches: whether it covers another condition, and whether it can match at all.
//!
//! The results follow from the conditions alone. A condition is split into alternatives (disjunctive normal form), each a list of
//! comparisons that must all be true. An expression that is not understood is equal only to itself.

use std::collections::HashMap;

use apigee_flux_model::condition::{Comparison, ConditionValue, Expr, Operand, Operator};
use apigee_flux_model::path_pattern::{ComparisonBudget, PathPattern, PatternIndex, Relation, matches_path};

/// The maximum number of alternatives of a condition; hand-written conditions have fewer.
const MOST: usize = 64;

/// One comparison.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Atom {
    Equals(String, String),
    NotEquals(String, String),
    Null(String),
    NotNull(String),
    Path(String, String),
    Other(String),
    NotOther(String),
}

/// The alternatives of a condition; `None` if there are too many.
pub(super) fn disjuncts(expr: &Expr) -> Option<Vec<Vec<Atom>>> {
    alternatives(expr, true)
}

/// The alternatives that can be true; `None` if there are too many.
pub(super) fn possible(expr: &Expr) -> Option<Vec<Vec<Atom>>> {
    let mut all = disjuncts(expr)?;
    all.retain(|atoms| contradiction(atoms).is_none());
    Some(all)
}

fn alternatives(expr: &Expr, holds: bool) -> Option<Vec<Vec<Atom>>> {
    match (expr, holds) {
        (Expr::And(a, b), true) | (Expr::Or(a, b), false) => {
            let (a, b) = (alternatives(a, holds)?, alternatives(b, holds)?);
            if a.len() * b.len() > MOST {
                return None;
            }
            let both = |x: &Vec<Atom>, y: &Vec<Atom>| x.iter().chain(y).cloned().collect();
            Some(a.iter().flat_map(|x| b.iter().map(move |y| both(x, y))).collect())
        }
        (Expr::Or(a, b), true) | (Expr::And(a, b), false) => {
            let mut all = alternatives(a, holds)?;
            all.extend(alternatives(b, holds)?);
            (all.len() <= MOST).then_some(all)
        }
        (Expr::Not(inner), _) => alternatives(inner, !holds),
        (Expr::Compare(comparison), _) => Some(vec![vec![atom(comparison, expr, holds)]]),
        (Expr::Truth(_), _) => Some(vec![vec![other(expr, holds)]]),
    }
}

fn other(expr: &Expr, holds: bool) -> Atom {
    let text = expr.to_string();
    if holds { Atom::Other(text) } else { Atom::NotOther(text) }
}

fn atom(comparison: &Comparison, expr: &Expr, holds: bool) -> Atom {
    let (Operand { value: ConditionValue::Variable(variable), .. }, right) = (&comparison.left, &comparison.right)
    else {
        return other(expr, holds);
    };
    let variable = variable.clone();
    let equal = match comparison.operator {
        Operator::Equals => holds,
        Operator::NotEquals => !holds,
        Operator::MatchesPath if holds => {
            return match &right.value {
                ConditionValue::Text(pattern) => Atom::Path(variable, pattern.clone()),
                _ => other(expr, holds),
            };
        }
        _ => return other(expr, holds),
    };
    match (&right.value, equal) {
        (ConditionValue::Text(text), true) => Atom::Equals(variable, text.clone()),
        (ConditionValue::Text(text), false) => Atom::NotEquals(variable, text.clone()),
        (ConditionValue::Null, true) => Atom::Null(variable),
        (ConditionValue::Null, false) => Atom::NotNull(variable),
        // The text of the other kind of atom contains `=` or `!=`, which distinguishes the two.
        _ => other(expr, holds),
    }
}

/// True if every request that `later` matches also matches `earlier`. This must be fast: a proxy may have many flows, and each is compared
/// with all earlier ones.
pub(super) fn covers(earlier: &[Vec<Atom>], later: &[Vec<Atom>]) -> bool {
    // Only the same comparison implies an equality, and comparing a method is faster than comparing a path.
    let equal = |atom: &&Atom| matches!(atom, Atom::Equals(..));
    let one_covers = |wanted: &[Atom], given: &[Atom]| {
        wanted.iter().filter(equal).all(|wanted| given.contains(wanted))
            && wanted.iter().filter(|atom| !equal(atom)).all(|wanted| given.iter().any(|given| implies(given, wanted)))
    };
    later.iter().all(|given| earlier.iter().any(|wanted| one_covers(wanted, given)))
}

fn implies(given: &Atom, wanted: &Atom) -> bool {
    match (given, wanted) {
        (Atom::Path(a, narrow), Atom::Path(b, wide)) => a == b && pattern_covers(wide, narrow),
        (Atom::Equals(a, value), Atom::Path(b, pattern)) => {
            a == b && !value.is_empty() && matches_path(pattern, value) == Some(true)
        }
        (Atom::Equals(a, x), Atom::NotEquals(b, y)) => a == b && x != y,
        (Atom::Equals(a, _), Atom::NotNull(b)) => a == b,
        _ => given == wanted,
    }
}

/// Why these comparisons cannot all be true for one request.
pub(super) fn contradiction(atoms: &[Atom]) -> Option<String> {
    let pairs = atoms.iter().enumerate().flat_map(|(index, a)| atoms[index + 1..].iter().map(move |b| (a, b)));
    pairs.into_iter().find_map(|(a, b)| clash(a, b).or_else(|| clash(b, a)))
}

fn clash(one: &Atom, other: &Atom) -> Option<String> {
    match (one, other) {
        // Numbers may be written in several ways.
        (Atom::Equals(name, value), Atom::Equals(same, another))
            if name == same && value != another && value.parse::<f64>().is_err() =>
        {
            Some(format!("`{name}` cannot be both `{value}` and `{another}`"))
        }
        (Atom::Equals(name, value), Atom::NotEquals(same, another)) if name == same && value == another => {
            Some(format!("`{name}` cannot both equal and not equal `{value}`"))
        }
        (Atom::Equals(name, value), Atom::Null(same)) if name == same && !value.is_empty() => {
            Some(format!("`{name}` cannot be both `{value}` and null"))
        }
        (Atom::Null(name), Atom::NotNull(same)) if name == same => {
            Some(format!("`{name}` cannot be both null and not null"))
        }
        (Atom::Other(text), Atom::NotOther(same)) if text == same => {
            Some(format!("`{text}` cannot be both true and false"))
        }
        _ => None,
    }
}

/// True if every path that the second pattern matches is matched by the first.
fn pattern_covers(wide: &str, narrow: &str) -> bool {
    // The meaning of a slash at the end of a pattern is not documented.
    let certain = |pattern: &str| pattern.starts_with('/') && !pattern.ends_with('/');
    wide == narrow
        || certain(wide)
            && certain(narrow)
            && PathPattern::of_matches_path(wide).covers(&PathPattern::of_matches_path(narrow))
}

/// An index of conditions in their order. It finds the conditions that may cover another without comparing with each of them.
#[derive(Debug)]
pub(super) struct Conditions {
    known: Vec<Vec<Vec<Atom>>>,
    /// Conditions by one comparison of each alternative: the one that the fewest others share.
    by_atom: HashMap<Atom, Vec<usize>>,
    /// The same for comparisons that different comparisons can imply: by the variable.
    by_variable: HashMap<String, Vec<usize>>,
    /// The same for paths: by the variable.
    by_path: HashMap<String, PatternIndex<usize>>,
    /// Conditions with an alternative without any comparison.
    unconditional: Vec<usize>,
    budget: ComparisonBudget,
}

impl Conditions {
    /// An empty index for `count` conditions.
    pub(super) fn new(count: usize) -> Self {
        Self {
            known: Vec::with_capacity(count),
            by_atom: HashMap::new(),
            by_variable: HashMap::new(),
            by_path: HashMap::new(),
            unconditional: Vec::new(),
            budget: ComparisonBudget::of(count),
        }
    }

    /// The alternatives of a condition.
    pub(super) fn get(&self, number: usize) -> &[Vec<Atom>] {
        &self.known[number]
    }

    /// The first condition that covers this one; an error if the search takes too many steps.
    pub(super) fn covering(&mut self, alternatives: &[Vec<Atom>]) -> Result<Option<usize>, TooMany> {
        let candidates = match alternatives.first() {
            Some(given) => self.candidates(given).ok_or(TooMany)?,
            // It matches no request: any other condition covers it.
            None => (0..self.known.len().min(1)).collect(),
        };
        for candidate in candidates {
            let steps: usize = self.known[candidate].iter().chain(alternatives).map(Vec::len).sum();
            self.budget.take(1 + steps).ok_or(TooMany)?;
            if covers(&self.known[candidate], alternatives) {
                return Ok(Some(candidate));
            }
        }
        Ok(None)
    }

    /// The conditions with an alternative that may cover these comparisons, in their order; `None` if the search takes too many steps.
    fn candidates(&mut self, given: &[Atom]) -> Option<Vec<usize>> {
        let mut found = self.unconditional.clone();
        for atom in given {
            found.extend(self.by_atom.get(atom).into_iter().flatten());
            let variable = match atom {
                Atom::Equals(variable, _) | Atom::NotEquals(variable, _) | Atom::NotNull(variable) => variable,
                Atom::Path(variable, pattern) => {
                    if let Some(index) = self.by_path.get(variable) {
                        let pattern = PathPattern::of_matches_path(pattern);
                        found.extend(index.find(&pattern, Relation::Covering, &mut self.budget)?);
                    }
                    continue;
                }
                Atom::Null(_) | Atom::Other(_) | Atom::NotOther(_) => continue,
            };
            found.extend(self.by_variable.get(variable).into_iter().flatten());
            if let (Atom::Equals(_, value), Some(index)) = (atom, self.by_path.get(variable)) {
                found.extend(index.find(&PathPattern::literal(value), Relation::Covering, &mut self.budget)?);
            }
        }
        self.budget.take(found.len())?;
        found.sort_unstable();
        found.dedup();
        Some(found)
    }

    /// Adds a condition.
    pub(super) fn add(&mut self, alternatives: Vec<Vec<Atom>>) {
        let number = self.known.len();
        for atoms in &alternatives {
            match atoms.iter().min_by_key(|atom| frequency(atom)) {
                None => self.unconditional.push(number),
                Some(Atom::Path(variable, pattern)) => {
                    let index = self.by_path.entry(variable.clone()).or_default();
                    index.add(&PathPattern::of_matches_path(pattern), number);
                }
                Some(Atom::NotEquals(variable, _) | Atom::NotNull(variable)) => {
                    self.by_variable.entry(variable.clone()).or_default().push(number);
                }
                Some(atom) => self.by_atom.entry(atom.clone()).or_default().push(number),
            }
        }
        self.known.push(alternatives);
    }
}

/// The search needs more comparisons than a check may make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TooMany;

/// Roughly how many conditions share a comparison: all flows use one of a few methods, but few use the same path.
fn frequency(atom: &Atom) -> u8 {
    match atom {
        Atom::Path(..) => 0,
        Atom::Other(_) => 1,
        Atom::Equals(variable, _) if variable != "request.verb" => 2,
        Atom::Null(_) | Atom::NotOther(_) => 3,
        Atom::Equals(..) => 4,
        Atom::NotEquals(..) | Atom::NotNull(_) => 5,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use apigee_flux_model::condition::parse;

    fn of(text: &str) -> Vec<Vec<Atom>> {
        disjuncts(&parse(text).unwrap()).unwrap()
    }

    #[test]
    fn what_one_condition_covers() {
        for (earlier, later, expected) in [
            ("a = \"x\"", "a = \"x\"", true),
            ("a = \"x\"", "a = \"x\" and b = \"y\"", true),
            ("a = \"x\" and b = \"y\"", "a = \"x\"", false),
            ("a = \"x\" or a = \"y\"", "a = \"y\"", true),
            ("a = \"x\"", "a = \"x\" or a = \"y\"", false),
            ("p MatchesPath \"/*\"", "p MatchesPath \"/a\"", true),
            ("p MatchesPath \"/a\"", "p MatchesPath \"/*\"", false),
            ("p MatchesPath \"/**\"", "p MatchesPath \"/a/*/c\"", true),
            ("p MatchesPath \"/*\"", "p MatchesPath \"/**\"", false),
            ("p MatchesPath \"/**/b\"", "p MatchesPath \"/a/**/b\"", true),
            ("p MatchesPath \"/*\"", "p MatchesPath \"/a*b*c\"", true),
            ("p MatchesPath \"/a/\"", "p MatchesPath \"/a\"", false),
            ("p MatchesPath \"/*/b\"", "(p MatchesPath \"/a/b\") and (v = \"GET\")", true),
            ("not (a = \"x\")", "a = \"y\"", true),
            ("a != null", "a = \"y\"", true),
            ("a ~ \"x\"", "a ~ \"x\"", true),
            ("a ~ \"x\"", "a ~ \"y\"", false),
        ] {
            assert_eq!(covers(&of(earlier), &of(later)), expected, "{earlier} | {later}");
        }
    }

    #[test]
    fn the_first_that_covers_is_found() {
        let texts = [
            "v = \"GET\" and p MatchesPath \"/*/b\"",
            "p MatchesPath \"/a/*\"",
            "p JavaRegex \"/x\" and v = \"GET\"",
            "a != \"x\"",
            "b != null",
            "not (c)",
            "v = \"PUT\" or v = \"POST\"",
            "p = \"\" or p = \"/\"",
        ];
        let mut conditions = Conditions::new(texts.len());
        for text in texts {
            conditions.add(of(text));
        }
        for (text, expected) in [
            ("p MatchesPath \"/a/b\" and v = \"GET\"", Some(0)),
            ("p MatchesPath \"/a/b\" and v = \"PUT\"", Some(1)),
            ("p = \"/a/c\"", Some(1)),
            ("p = \"/b/c\"", None),
            ("p JavaRegex \"/x\"", None),
            ("p JavaRegex \"/x\" and v = \"GET\" and w = \"1\"", Some(2)),
            ("a = \"y\"", Some(3)),
            ("b = \"y\"", Some(4)),
            ("c", None),
            ("not (c) and d = 1", Some(5)),
            ("v = \"POST\" and z = \"1\"", Some(6)),
            ("v = \"POST\" or v = \"GET\"", None),
            ("p = \"/\" and v = \"GET\"", Some(7)),
        ] {
            assert_eq!(conditions.covering(&of(text)), Ok(expected), "{text}");
        }
    }

    #[test]
    fn fifty_thousand_conditions_take_few_steps_each() {
        let taken = |count: usize| {
            let mut conditions = Conditions::new(count);
            for number in 0..count {
                let path = ["MatchesPath \"/a", "JavaRegex \"^/a", "= \"/a"][number % 3];
                let method = ["GET", "PUT", "DELETE"][number % 2];
                let condition = of(&format!("(p {path}{number}/x\") and (request.verb = \"{method}\")"));
                assert_eq!(conditions.covering(&condition), Ok(None));
                conditions.add(condition);
            }
            conditions.budget.taken()
        };
        let (half, whole) = (taken(25_000), taken(50_000));
        assert!(whole <= 2 * half + 100 && whole < 50_000 * 20, "{half}, then {whole}");
    }

    #[test]
    fn what_never_holds() {
        for (text, never) in [
            ("v = \"GET\" and v = \"PUT\"", true),
            ("v = \"GET\" or v = \"PUT\"", false),
            ("v = \"GET\" and w = \"PUT\"", false),
            ("v = \"GET\" and v != \"GET\"", true),
            ("v = \"1\" and v = \"1.0\"", false),
            ("v = null and v = \"x\"", true),
        ] {
            assert_eq!(of(text).iter().all(|atoms| contradiction(atoms).is_some()), never, "{text}");
        }
    }
}
