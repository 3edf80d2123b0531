use proptest::prelude::*;

use super::*;

const MIB: u64 = 1024 * 1024;

fn lines(length: usize) -> Vec<u8> {
    b"a line that repeats itself, ".iter().copied().cycle().take(length).collect()
}

fn budget() -> Budget {
    Budget::new(64 * MIB)
}

#[test]
fn names_ids_and_levels_are_kafkas() {
    for codec in Compression::ALL {
        assert_eq!(codec.name().parse(), Ok(codec));
        assert_eq!(Compression::from_id(codec.id()), Ok(codec));
    }
    assert_eq!(Compression::from_id(5), Err(UnknownCompression(5)));
    assert!("GZIP".parse::<Compression>().is_err());
    for (codec, good, bad) in [
        (Compression::Gzip, vec![-1, 1, 9], vec![-2, 0, 10]),
        (Compression::Lz4, vec![1, 17], vec![0, 18]),
        (Compression::Zstd, vec![-131_072, 0, 22], vec![-131_073, 23]),
        (Compression::Snappy, vec![], vec![0, 1]),
        (Compression::None, vec![], vec![0]),
    ] {
        assert!(good.iter().all(|level| Compressor::new(codec, *level).is_ok()));
        assert!(bad.iter().all(|level| Compressor::new(codec, *level).is_err()));
    }
    let error = Compressor::new(Compression::Lz4, 18).unwrap_err();
    assert_eq!(error.to_string(), "lz4 has no compression level 18: must be 1 to 17");
}

#[test]
fn sizes_around_block_borders_come_back() {
    for codec in Compression::ALL {
        for length in [0, 1, 32_767, 32_768, 32_769, 65_535, 65_536, 65_537, 300_000] {
            let bytes = lines(length);
            let compressed = Compressor::from(codec).compress(&bytes);
            let back = decompress(codec, &compressed, &mut budget()).unwrap();
            assert!(back == bytes, "{codec}, {length} bytes");
        }
    }
}

#[test]
fn levels_change_the_size() {
    let number = |n: u32| (n % 8191 * n % 7919).to_string().into_bytes();
    let bytes: Vec<u8> = (0..100_000).flat_map(number).collect();
    for (codec, fast, tight) in [(Compression::Gzip, 1, 9), (Compression::Zstd, -100, 19)] {
        let fast = Compressor::new(codec, fast).unwrap().compress(&bytes).len();
        let tight = Compressor::new(codec, tight).unwrap().compress(&bytes).len();
        assert!(tight < fast, "{codec}: {tight} against {fast}");
    }
}

#[test]
fn a_stream_that_is_cut_off_is_damaged() {
    let bytes = lines(100_000);
    for codec in [Compression::Gzip, Compression::Snappy, Compression::Lz4, Compression::Zstd] {
        let compressed = Compressor::from(codec).compress(&bytes);
        for kept in [1, 10, compressed.len() / 2, compressed.len() - 1] {
            let result = decompress(codec, &compressed[..kept], &mut budget());
            let damaged = matches!(result, Err(DecompressError::Damaged { .. }));
            assert!(damaged, "{codec}, {kept} of {} bytes", compressed.len());
        }
    }
}

#[test]
fn several_streams_in_a_row_are_read_as_one() {
    let bytes = lines(1000);
    for codec in [Compression::Gzip, Compression::Snappy, Compression::Lz4, Compression::Zstd] {
        let compressed = Compressor::from(codec).compress(&bytes);
        let twice = [compressed.as_ref(), compressed.as_ref()].concat();
        assert_eq!(decompress(codec, &twice, &mut budget()).unwrap().len(), 2000, "{codec}");
    }
}

#[test]
fn raw_snappy_is_read_too() {
    let bytes = lines(100_000);
    let raw = snap::raw::Encoder::new().compress_vec(&bytes).unwrap();
    assert_eq!(decompress(Compression::Snappy, &raw, &mut budget()).unwrap(), bytes);
    let mut budget = budget();
    let mut stream = Decompressor::new(Compression::Snappy, &raw, &mut budget);
    stream.advance().unwrap();
    assert_eq!(stream.consume(10), &bytes[..10]);
    assert_eq!(stream.chunk(), &bytes[10..]);
    stream.advance().unwrap();
    assert_eq!(stream.chunk(), b"");
}

/// A gibibyte of zeros as a stream of each codec, made piece by piece so that the test is cheap.
fn bomb(codec: Compression) -> Vec<u8> {
    const PIECE: usize = 1024 * 1024;
    let piece = vec![0; PIECE];
    let pieces = 1024;
    match codec {
        Compression::None => Vec::new(),
        // The member of one piece, a thousand times; deflate shrinks by a thousand at best.
        Compression::Gzip | Compression::Zstd => {
            Compressor::from(codec).compress(&piece).repeat(pieces)
        }
        // What claims a gibibyte; the format could not keep such a promise.
        Compression::Snappy => {
            let mut lie = vec![0x80, 0x80, 0x80, 0x80, 0x04];
            lie.resize(1024, 0);
            lie
        }
        Compression::Lz4 => {
            let one = lz4::compress(&piece);
            let blocks = &one[7..one.len() - 4];
            [&one[..7], &blocks.repeat(pieces), &one[one.len() - 4..]].concat()
        }
    }
}

#[test]
fn bombs_of_every_codec_stop_at_the_budget() {
    for codec in [Compression::Gzip, Compression::Snappy, Compression::Lz4, Compression::Zstd] {
        let bomb = bomb(codec);
        let mut budget = Budget::new(8 * MIB);
        let refused = decompress(codec, &bomb, &mut budget).unwrap_err();
        let DecompressError::Budget(refused) = refused else { panic!("{codec}: {refused}") };
        assert_eq!(refused.limit, 8 * MIB);
        assert!(refused.used + refused.wanted > 8 * MIB, "{codec}: {refused}");
        assert!(refused.used <= 8 * MIB, "{codec}: {refused}");
    }
}

#[test]
fn a_kilobyte_of_zstd_that_makes_a_gigabyte_is_refused() {
    // One block of run length each: 128 KiB out of four bytes.
    let window = 17 << 3;
    let mut bomb = vec![0x28, 0xb5, 0x2f, 0xfd, 0x00, window];
    for _ in 0..254 {
        bomb.extend_from_slice(&[0x02, 0x00, 0x10, b'x']);
    }
    assert_eq!(bomb.len(), 1022);
    // The window alone is beyond this budget ...
    let error = decompress(Compression::Zstd, &bomb, &mut Budget::new(100 * MIB)).unwrap_err();
    let expected = BudgetExceeded { limit: 100 * MIB, used: 0, wanted: 128 * MIB };
    assert_eq!(error, DecompressError::Budget(expected));
    // ... and here what comes out.
    let mut budget = Budget::new(130 * MIB);
    let error = decompress(Compression::Zstd, &bomb, &mut budget).unwrap_err();
    assert!(matches!(error, DecompressError::Budget(it) if it.limit == 130 * MIB), "{error}");
    // The window was given back.
    assert_eq!(budget.used(), 2 * MIB);
}

#[test]
fn windows_of_the_highest_level_are_legal_and_greater_ones_are_not() {
    use std::io::Write;
    // A streaming writer, such as Kafka's, does not know the size and so asks for the whole window.
    let mut encoder = ::zstd::stream::write::Encoder::new(Vec::new(), 22).unwrap();
    encoder.write_all(b"small").unwrap();
    let small = encoder.finish().unwrap();
    let mut budget = Budget::new(129 * MIB);
    assert_eq!(decompress(Compression::Zstd, &small, &mut budget).unwrap(), b"small");
    assert_eq!(budget.used(), 5);
    let greater = [0x28, 0xb5, 0x2f, 0xfd, 0x00, 17 << 3 | 1, 1, 0, 0];
    let error = decompress(Compression::Zstd, &greater, &mut Budget::new(u64::MAX)).unwrap_err();
    assert!(error.to_string().contains("larger than 128 MiB"), "{error}");
}

#[test]
fn a_snappy_block_that_claims_too_much_is_not_allocated_for() {
    let lie = bomb(Compression::Snappy);
    let error = decompress(Compression::Snappy, &lie, &mut Budget::new(u64::MAX)).unwrap_err();
    let text = error.to_string();
    assert_eq!(text, "snappy data is damaged: a block of 1024 bytes claims to hold 1073741824");
}

/// An LZ4 frame of `flags` whose blocks are `blocks` and whose content is `content`.
fn lz4_frame(flags: u8, blocks: &[&[u8]], content: &[u8]) -> Vec<u8> {
    let mut frame = vec![0x04, 0x22, 0x4d, 0x18, flags, 0x40];
    if flags & 0x08 != 0 {
        frame.extend_from_slice(&(content.len() as u64).to_le_bytes());
    }
    frame.push((twox_hash::XxHash32::oneshot(0, &frame[4..]) >> 8) as u8);
    for block in blocks {
        frame.extend_from_slice(&(block.len() as u32).to_le_bytes());
        frame.extend_from_slice(block);
        if flags & 0x10 != 0 {
            frame.extend_from_slice(&twox_hash::XxHash32::oneshot(0, block).to_le_bytes());
        }
    }
    frame.extend_from_slice(&[0; 4]);
    if flags & 0x04 != 0 {
        frame.extend_from_slice(&twox_hash::XxHash32::oneshot(0, content).to_le_bytes());
    }
    frame
}

#[test]
fn lz4_frames_of_every_shape_are_read() {
    let content = lines(4000);
    let (first, second) = content.split_at(2500);
    let one = lz4_flex::block::compress(first);
    let alone = lz4_flex::block::compress(second);
    let linked = lz4_flex::block::compress_with_dict(second, first);
    assert!(linked.len() < alone.len(), "the linked block must refer to the first");
    let mut read = budget();
    for flags in [0x60, 0x70, 0x68, 0x64, 0x7c] {
        let frame = lz4_frame(flags, &[&one, &alone], &content);
        assert_eq!(decompress(Compression::Lz4, &frame, &mut read).unwrap(), content);
    }
    for flags in [0x40, 0x5c] {
        let frame = lz4_frame(flags, &[&one, &linked], &content);
        assert_eq!(decompress(Compression::Lz4, &frame, &mut read).unwrap(), content);
    }
    let skippable =
        [&[0x5a, 0x2a, 0x4d, 0x18, 2, 0, 0, 0, 9, 9], &lz4::compress(&content)[..]].concat();
    assert_eq!(decompress(Compression::Lz4, &skippable, &mut read).unwrap(), content);
}

#[test]
fn lz4_checksums_are_checked_and_the_broken_one_of_old_is_known() {
    let content = lines(1000);
    let block = lz4_flex::block::compress(&content);
    let mut frame = lz4_frame(0x7c, &[&block], &content);
    let last = frame.len() - 1;
    frame[last] ^= 1;
    let error = decompress(Compression::Lz4, &frame, &mut budget()).unwrap_err().to_string();
    assert!(error.contains("content checksum"), "{error}");

    let mut frame = lz4_frame(0x70, &[&block], &content);
    frame[11 + block.len()] ^= 1;
    let error = decompress(Compression::Lz4, &frame, &mut budget()).unwrap_err().to_string();
    assert!(error.contains("block checksum"), "{error}");

    let mut frame = lz4_frame(0x60, &[&block], &content);
    frame[6] = (twox_hash::XxHash32::oneshot(0, &frame[..6]) >> 8) as u8;
    assert_eq!(decompress(Compression::Lz4, &frame, &mut budget()).unwrap(), content);
    frame[6] ^= 1;
    let error = decompress(Compression::Lz4, &frame, &mut budget()).unwrap_err().to_string();
    assert!(error.contains("header checksum"), "{error}");
}

fn codecs() -> impl Strategy<Value = Compression> {
    proptest::sample::select(Compression::ALL.to_vec())
}

proptest! {
    #[test]
    fn any_bytes_come_back(codec in codecs(), bytes in prop::collection::vec(0u8..4, 0..5000)) {
        let compressed = Compressor::from(codec).compress(&bytes);
        let back = decompress(codec, &compressed, &mut budget());
        prop_assert_eq!(back, Ok(bytes));
    }

    #[test]
    fn hostile_bytes_are_an_error_or_within_the_budget(
        codec in codecs(),
        mut bytes in prop::collection::vec(any::<u8>(), 0..300),
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        compressed in any::<bool>(),
    ) {
        if compressed {
            bytes = Compressor::from(codec).compress(&bytes).into_owned();
        }
        for (index, byte) in flips {
            if !bytes.is_empty() {
                let at = index.index(bytes.len());
                bytes[at] = byte;
            }
        }
        let mut budget = Budget::new(MIB);
        if let Ok(out) = decompress(codec, &bytes, &mut budget) {
            prop_assert!(out.len() as u64 <= MIB);
        }
    }
}
