//! Keys and loads beside what the Java client makes of them, as `java_vectors.txt` has it.

use super::sticky::{Load, pick};
use super::{murmur2, partition_of_key};

const VECTORS: &str = include_str!("java_vectors.txt");

fn lines(kind: &str) -> impl Iterator<Item = Vec<&'static str>> {
    let fields = VECTORS.lines().map(|it| it.split(' ').collect::<Vec<_>>());
    fields.filter(move |it| it[0] == kind)
}

fn bytes(hex: &str) -> Vec<u8> {
    let digits = hex.trim_start_matches('-').as_bytes().chunks(2);
    digits.map(|it| u8::from_str_radix(str::from_utf8(it).unwrap(), 16).unwrap()).collect()
}

#[test]
fn keys_go_where_the_java_client_sends_them() {
    let mut count = 0;
    for line in lines("key") {
        let key = bytes(line[1]);
        assert_eq!(murmur2(&key), line[2].parse::<i32>().unwrap(), "{line:?}");
        for (partitions, expected) in [7, 12, 1_000].into_iter().zip(&line[3..]) {
            assert_eq!(partition_of_key(&key, partitions).to_string(), *expected, "{line:?}");
        }
        count += 1;
    }
    assert_eq!(count, 48);
}

#[test]
fn loads_weigh_as_in_the_java_client() {
    let mut count = 0;
    for line in lines("load") {
        let loads: Vec<Load> = line[1]
            .split(',')
            .zip(0..)
            .map(|(it, partition)| Load {
                partition,
                batches: it.parse().unwrap(),
                is_stuck: false,
            })
            .collect();
        let picked: Vec<String> =
            (0..).map_while(|it| pick(&loads, it)).map(|it| it.to_string()).collect();
        assert_eq!(picked.join(","), line[2], "{line:?}");
        count += 1;
    }
    assert_eq!(count, 40);
}
