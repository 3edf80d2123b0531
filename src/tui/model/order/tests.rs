//! Rows that stay where they are, and those that may move.

use proptest::prelude::*;

use super::*;

type Rows<'a> = &'a [(&'static str, f64)];

fn ranked(rows: Rows<'_>) -> BTreeMap<&'static str, Rank> {
    let rank = |value| Rank { class: 0, value: Value::Number(value) };
    rows.iter().map(|(key, value)| (*key, rank(*value))).collect()
}

fn shown(order: &CalmOrder<&'static str>) -> String {
    let row = |it: &Row<&'static str>| match it.is_gone() {
        true => format!("({})", it.key),
        false => it.key.to_owned(),
    };
    order.rows().iter().map(row).collect::<Vec<_>>().join(" ")
}

fn at(order: &mut CalmOrder<&'static str>, second: u64, rows: Rows<'_>) -> String {
    order.arrange(Millis(second * 1_000), &ranked(rows), Rank::clone);
    shown(order)
}

#[test]
fn order_is_recomputed_at_most_every_10_s() {
    let mut order = CalmOrder::default();
    assert_eq!(at(&mut order, 100, &[("a", 30.0), ("b", 20.0), ("c", 10.0)]), "a b c");
    let turned: Rows<'_> = &[("a", 10.0), ("b", 20.0), ("c", 30.0)];
    assert_eq!(at(&mut order, 101, turned), "a b c");
    assert_eq!(at(&mut order, 109, turned), "a b c");
    assert_eq!(at(&mut order, 110, turned), "c b a");
}

#[test]
fn nothing_moves_within_3_s_after_a_key() {
    let mut order = CalmOrder::default();
    at(&mut order, 0, &[("a", 30.0), ("b", 20.0)]);
    let turned: Rows<'_> = &[("a", 10.0), ("b", 20.0)];
    order.key_pressed(Millis(18_000));
    assert_eq!(at(&mut order, 20, turned), "a b");
    order.key_pressed(Millis(20_500));
    assert_eq!(at(&mut order, 23, turned), "a b");
    assert_eq!(at(&mut order, 24, turned), "b a");
}

#[test]
fn neighbours_swap_only_if_they_differ_by_a_tenth() {
    let mut order = CalmOrder::default();
    at(&mut order, 0, &[("a", 100.0), ("b", 90.0)]);
    assert_eq!(at(&mut order, 10, &[("a", 91.0), ("b", 100.0)]), "a b");
    assert_eq!(at(&mut order, 20, &[("a", 90.0), ("b", 100.0)]), "b a");
    assert_eq!(at(&mut order, 30, &[("a", 0.0), ("b", 0.0)]), "b a");
}

#[test]
fn a_level_moves_a_row_whatever_the_values() {
    let mut order = CalmOrder::default();
    let mut rows = ranked(&[("a", 100.0), ("b", 99.0)]);
    order.arrange(Millis(0), &rows, Rank::clone);
    rows.insert("b", Rank { class: 2, value: Value::Number(99.0) });
    order.arrange(Millis(10_000), &rows, Rank::clone);
    assert_eq!(shown(&order), "b a");
    order.sort_anew(Direction::Reversed);
    order.arrange(Millis(10_001), &rows, Rank::clone);
    assert_eq!(shown(&order), "b a", "faults stay on top");
}

#[test]
fn new_rows_enter_at_their_place_and_vanished_ones_stay_10_s() {
    let mut order = CalmOrder::default();
    let mut text = String::new();
    let steps: [(u64, Rows<'_>); 7] = [
        (0, &[("b", 50.0), ("d", 20.0)]),
        (1, &[("a", 90.0), ("b", 50.0), ("c", 30.0), ("d", 20.0), ("e", 1.0)]),
        (2, &[("a", 90.0), ("c", 30.0), ("e", 1.0)]),
        (5, &[("a", 90.0), ("c", 30.0), ("d", 20.0), ("e", 1.0)]),
        (11, &[("a", 90.0), ("c", 30.0), ("d", 20.0), ("e", 1.0)]),
        (12, &[("a", 90.0), ("c", 30.0), ("d", 20.0), ("e", 1.0)]),
        (13, &[]),
    ];
    for (second, rows) in steps {
        text += &format!("{second:>2} {}\n", at(&mut order, second, rows));
    }
    insta::assert_snapshot!(text, @"
     0 b d
     1 a b c d e
     2 a (b) c (d) e
     5 a (b) c d e
    11 a (b) c d e
    12 a c d e
    13 (a) (c) (d) (e)
    ");
}

#[test]
fn many_rows_that_get_their_values_late_cost_no_square() {
    const ROWS: u64 = 50_000;
    let names: Vec<String> = (0..ROWS).map(|it| format!("topic-{it:05}")).collect();
    let rows = |value: &dyn Fn(u64) -> Value| -> BTreeMap<String, Rank> {
        let rank = |index| Rank { class: 0, value: value(index) };
        names.iter().zip(0..).map(|(name, index)| (name.clone(), rank(index))).collect()
    };
    let mut order = CalmOrder::default();
    order.arrange(Millis(0), &rows(&|_| Value::Missing), Rank::clone);
    order.update(Millis(1), &rows(&|it| Value::Number((it * 7_919 % ROWS) as f64)), &Rank::clone);
    let compared = order.settle();
    assert!(compared < 50_000 * 64, "{compared}");
    assert!(order.rows.is_sorted_by(|a, b| strictly((a, b), Direction::Usual).is_le()));
    // What changes little stays calm, and costs one look at each pair.
    let nearly =
        |it: u64| (it * 7_919 % ROWS) as f64 * if it.is_multiple_of(2) { 1.02 } else { 1.0 };
    order.update(Millis(2), &rows(&|it| Value::Number(nearly(it))), &Rank::clone);
    let before: Vec<String> = order.rows.iter().map(|it| it.key.clone()).collect();
    assert!(order.settle() < 2 * 50_000);
    assert!(order.rows.iter().map(|it| &it.key).eq(&before));
}

#[test]
fn another_column_is_sorted_at_once() {
    let mut order = CalmOrder::default();
    at(&mut order, 0, &[("a", 30.0), ("b", 20.0)]);
    let text = |value: &str| Rank { class: 0, value: Value::Text(value.to_owned()) };
    let missing = Rank { class: 0, value: Value::Missing };
    let rows = BTreeMap::from([("a", text("zoo")), ("b", text("ape")), ("c", missing)]);
    order.key_pressed(Millis(1_000));
    order.sort_anew(Direction::Usual);
    order.arrange(Millis(1_000), &rows, Rank::clone);
    assert_eq!(shown(&order), "b a c");
    order.sort_anew(Direction::Reversed);
    order.arrange(Millis(1_001), &rows, Rank::clone);
    assert_eq!(shown(&order), "a b c");
}

proptest! {
    #[test]
    fn each_row_stands_once_and_clear_differences_are_in_order(
        steps in prop::collection::vec(
            prop::collection::btree_map(0_u8..20, 0_u32..1_000, 0..20), 1..12,
        ),
    ) {
        let mut order = CalmOrder::default();
        for (at, step) in (0_u64..).zip(&steps) {
            let rank = |it: &u32| Rank { class: 0, value: Value::Number(f64::from(*it)) };
            let name = |key: &u8| format!("row-{key:02}");
            let current: BTreeMap<String, Rank> =
                step.iter().map(|(key, it)| (name(key), rank(it))).collect();
            let rows = order.arrange(Millis(at * 10_000), &current, Rank::clone);
            let keys: BTreeSet<&String> = rows.iter().map(|it| &it.key).collect();
            prop_assert_eq!(keys.len(), rows.len());
            let here: BTreeSet<String> =
                rows.iter().filter(|it| !it.is_gone()).map(|it| it.key.clone()).collect();
            prop_assert!(here.into_iter().eq(step.keys().map(name)));
        }
        // Undisturbed, it comes to rest with no neighbour clearly out of place.
        for at in 0..40 {
            order.settle();
            let is_at_rest = (1..order.rows.len()).all(|it| !order.must_swap(it - 1));
            if is_at_rest {
                break;
            }
            prop_assert!(at < 39);
        }
    }
}

#[test]
fn equals_stand_as_people_count() {
    let mut names = ["a-10", "a-9", "a-09", "b", "a", "a-9-x", "10", "9", ""];
    names.sort_by(|a, b| natural(a, b));
    assert_eq!(names, ["", "9", "10", "a", "a-09", "a-9", "a-9-x", "a-10", "b"]);
}

proptest! {
    #[test]
    fn the_natural_order_is_one(
        a in "[a0-9-]{0,6}",
        b in "[a0-9-]{0,6}",
        c in "[a0-9-]{0,6}",
    ) {
        prop_assert_eq!(natural(&a, &b), natural(&b, &a).reverse());
        prop_assert_eq!(natural(&a, &b).is_eq(), a == b);
        if natural(&a, &b).is_le() && natural(&b, &c).is_le() {
            prop_assert!(natural(&a, &c).is_le(), "{} {} {}", a, b, c);
        }
    }
}
