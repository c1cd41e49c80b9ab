//! Splits things into parts of a limited size, so that a change of one of them changes one part.

use crate::bundle::Digest;

/// The largest number of parts; more are not tried.
const MAX_PARTS: usize = 1 << 12;

/// Splits `items` into as few parts as fit, a power of two; some may be empty. The part of an item depends on its `key` only, so a new item changes one
/// part, and twice as many parts leave each item in its part or move it to one new part.
///
/// `weights` are the sizes of an item; `room` is how much a part may have of each of them. A part with one item is never too large.
pub fn split<T, const N: usize, E>(
    items: Vec<T>,
    key: impl Fn(&T) -> String,
    weights: impl Fn(&T) -> Result<[usize; N], E>,
    room: usize,
) -> Result<Vec<Vec<T>>, E> {
    let measured = |item: &T| Ok((hash(&key(item)), weights(item)?));
    let sizes = items.iter().map(measured).collect::<Result<Vec<_>, E>>()?;
    let mut count = 1;
    while count < MAX_PARTS && !fits(&sizes, count, room) {
        count *= 2;
    }
    let mut parts: Vec<Vec<T>> = std::iter::repeat_with(Vec::new).take(count).collect();
    for (item, (hash, _)) in items.into_iter().zip(sizes) {
        if let Some(part) = parts.get_mut(hash % count) {
            part.push(item);
        }
    }
    Ok(parts)
}

/// The number from which the part of a key follows.
pub fn hash(key: &str) -> usize {
    // Seven digits are always a number.
    usize::from_str_radix(&Digest::of_bytes(key.as_bytes()).short(7), 16).unwrap_or_default()
}

fn fits<const N: usize>(sizes: &[(usize, [usize; N])], count: usize, room: usize) -> bool {
    let mut totals = vec![(0_usize, [0_usize; N]); count];
    for (hash, weights) in sizes {
        if let Some((items, total)) = totals.get_mut(hash % count) {
            *items += 1;
            for (sum, weight) in total.iter_mut().zip(weights) {
                *sum += weight;
            }
        }
    }
    totals.iter().all(|(items, total)| *items < 2 || total.iter().all(|sum| *sum <= room))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::convert::Infallible;

    use super::*;

    fn parts_of(count: usize, room: usize) -> Vec<Vec<String>> {
        let names = (0..count).map(|number| format!("orders-{number}")).collect();
        split(names, String::clone, |_| Ok::<_, Infallible>([1]), room).unwrap()
    }

    #[test]
    fn every_item_is_in_one_part_of_a_limited_size() {
        let parts = parts_of(1000, 100);
        assert_eq!(parts.len(), 16);
        assert!(parts.iter().all(|part| part.len() <= 100));
        assert_eq!(parts.iter().map(Vec::len).sum::<usize>(), 1000);
        assert_eq!(parts_of(100, 100).len(), 1);
        assert_eq!(parts_of(0, 100), [Vec::<String>::new()]);
    }

    #[test]
    fn a_new_item_changes_one_part() {
        let (before, after) = (parts_of(500, 100), parts_of(501, 100));
        assert_eq!(before.len(), after.len());
        assert_eq!(before.iter().zip(&after).filter(|(a, b)| a != b).count(), 1);
    }

    #[test]
    fn more_parts_move_items_to_new_parts_only() {
        let place = |parts: Vec<Vec<String>>| -> BTreeMap<String, usize> {
            let numbered = parts.into_iter().enumerate();
            numbered.flat_map(|(number, part)| part.into_iter().map(move |item| (item, number))).collect()
        };
        let (few, many) = (place(parts_of(1000, 700)), place(parts_of(1000, 300)));
        let old = few.values().max().unwrap() + 1;
        assert!(few.iter().all(|(item, part)| many[item] % old == *part));
    }

    #[test]
    fn one_item_that_is_too_large_has_a_part() {
        let parts = split(vec!["a".to_owned()], String::clone, |_| Ok::<_, Infallible>([9, 1]), 5).unwrap();
        assert_eq!(parts, [["a"]]);
    }
}
