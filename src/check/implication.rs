//! Which requests conditions are for: whether one covers another, and whether one is for none.
//!
//! Only what follows from the conditions themselves is claimed. A condition is taken apart into alternatives, each of which is a
//! list of comparisons that must all hold; what is not understood is equal to itself and to nothing else.

use crate::condition::{Comparison, Expr, Operand, Operator, Value, matches_path};

/// More alternatives are not looked at: no author has so many in mind.
const MOST: usize = 64;

/// One comparison.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Atom {
    Equals(String, String),
    NotEquals(String, String),
    Null(String),
    NotNull(String),
    Path(String, String),
    Other(String),
    NotOther(String),
}

/// The alternatives of a condition; none if there are too many.
pub(super) fn disjuncts(expr: &Expr) -> Option<Vec<Vec<Atom>>> {
    alternatives(expr, true)
}

/// The alternatives that can hold; none if there are too many.
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
    let (Operand { value: Value::Variable(variable), .. }, right) = (&comparison.left, &comparison.right) else {
        return other(expr, holds);
    };
    let variable = variable.clone();
    let equal = match comparison.operator {
        Operator::Equals => holds,
        Operator::NotEquals => !holds,
        Operator::MatchesPath if holds => {
            return match &right.value {
                Value::Text(pattern) => Atom::Path(variable, pattern.clone()),
                _ => other(expr, holds),
            };
        }
        _ => return other(expr, holds),
    };
    match (&right.value, equal) {
        (Value::Text(text), true) => Atom::Equals(variable, text.clone()),
        (Value::Text(text), false) => Atom::NotEquals(variable, text.clone()),
        (Value::Null, true) => Atom::Null(variable),
        (Value::Null, false) => Atom::NotNull(variable),
        // `=` and `!=` stand in the text of the other sort of atom: what holds is told apart by it.
        _ => other(expr, holds),
    }
}

/// True if every request of `later` is also one of `earlier`. Proxies have many flows, and each is compared with all before it.
pub(super) fn covers(earlier: &[Vec<Atom>], later: &[Vec<Atom>]) -> bool {
    // Nothing but itself implies that two values are equal, and a method is compared faster than a path.
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
        (Atom::Equals(a, value), Atom::Path(b, pattern)) => a == b && !value.is_empty() && matches_path(pattern, value),
        (Atom::Equals(a, x), Atom::NotEquals(b, y)) => a == b && x != y,
        (Atom::Equals(a, _), Atom::NotNull(b)) => a == b,
        _ => given == wanted,
    }
}

/// Why all of these cannot hold for one request.
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
            Some(format!("`{name}` cannot be `{value}` and something else"))
        }
        (Atom::Equals(name, value), Atom::Null(same)) if name == same && !value.is_empty() => {
            Some(format!("`{name}` cannot be `{value}` and null"))
        }
        (Atom::Null(name), Atom::NotNull(same)) if name == same => {
            Some(format!("`{name}` cannot be null and not null"))
        }
        (Atom::Other(text), Atom::NotOther(same)) if text == same => Some(format!("`{text}` cannot hold and not hold")),
        _ => None,
    }
}

/// True if every path that the second pattern matches is matched by the first.
pub(super) fn pattern_covers(wide: &str, narrow: &str) -> bool {
    if wide == narrow {
        return true;
    }
    let plain =
        |pattern: &str| pattern.starts_with('/') && !pattern.ends_with('/') && !pattern.contains(['{', '?', '%']);
    if !plain(wide) || !plain(narrow) {
        return false;
    }
    let (mut wide, mut narrow) = (wide.split('/').skip(1).peekable(), narrow.split('/').skip(1));
    loop {
        match (wide.next(), narrow.next()) {
            (None, None) => return true,
            (Some("**"), Some(_)) if wide.peek().is_none() => return true,
            // A wildcard inside a segment is compared as it stands.
            (Some(a), Some(b)) if a == b || a == "*" && b != "**" => {}
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::condition::parse;

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
