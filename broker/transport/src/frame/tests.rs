//! Frames come out whole and in order however the stream is cut, and declared sizes cost nothing.

use bytes::BufMut;
use proptest::prelude::*;

use super::*;

fn framed(payload: &[u8]) -> Vec<u8> {
    let mut bytes = (payload.len() as i32).to_be_bytes().to_vec();
    bytes.extend_from_slice(payload);
    bytes
}

/// Puts `input` in as a socket would: never more than the window takes. Says how much it took.
fn receive(buffer: &mut FrameBuffer, input: &[u8]) -> usize {
    let mut window = buffer.read_window();
    let taken = input.len().min(window.remaining_mut());
    window.put_slice(&input[..taken]);
    taken
}

fn drain(buffer: &mut FrameBuffer) -> Vec<Vec<u8>> {
    let mut frames = Vec::new();
    while let Some(frame) = buffer.take().unwrap() {
        frames.push(frame.to_vec());
    }
    frames
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn any_cut_gives_the_same_frames(
        sizes in prop::collection::vec(
            prop_oneof![0..20usize, 4_000..5_000usize, 60_000..140_000usize], 1..8),
        cuts in prop::collection::vec(1..70_000usize, 1..50),
        settles in any::<bool>(),
    ) {
        let frames: Vec<Vec<u8>> =
            sizes.iter().enumerate().map(|(index, size)| vec![index as u8; *size]).collect();
        let stream: Vec<u8> = frames.iter().flat_map(|frame| framed(frame)).collect();
        let mut buffer = FrameBuffer::new(1 << 20);
        let (mut at, mut seen) = (0, Vec::new());
        for cut in cuts.iter().cycle() {
            if at == stream.len() {
                break;
            }
            let end = stream.len().min(at + cut);
            at += receive(&mut buffer, &stream[at..end]);
            seen.extend(drain(&mut buffer));
            if settles {
                buffer.settle();
            }
        }
        prop_assert_eq!(seen, frames);
        buffer.settle();
        prop_assert_eq!(buffer.bytes.capacity(), 0);
    }
}

#[test]
fn several_frames_of_one_read_come_out_at_once() {
    let mut buffer = FrameBuffer::new(100);
    let stream = [framed(b"one"), framed(b""), framed(b"three")].concat();
    assert_eq!(receive(&mut buffer, &stream), stream.len());
    assert_eq!(drain(&mut buffer), [&b"one"[..], b"", b"three"]);
    assert!(buffer.is_empty());
}

#[test]
fn sizes_that_cannot_be_are_refused_by_name() {
    let refusal = |first: [u8; 4]| {
        let mut buffer = FrameBuffer::new(1000);
        receive(&mut buffer, &first);
        buffer.take().unwrap_err().to_string()
    };
    assert_eq!(refusal((-1i32).to_be_bytes()), "a frame of -1 bytes");
    let too_large = "a frame of 1001 bytes, more than the 1000 that are allowed";
    assert_eq!(refusal(1001i32.to_be_bytes()), too_large);
    assert_eq!(refusal(*b"GET "), "the peer speaks HTTP, not Kafka's protocol");
    assert_eq!(refusal([0x16, 3, 1, 2]), "the peer speaks TLS, not Kafka's protocol");
}

#[test]
fn memory_follows_what_arrived_not_what_was_declared() {
    let declared = 100 * 1024 * 1024;
    let mut buffer = FrameBuffer::new(declared);
    receive(&mut buffer, &(declared as i32).to_be_bytes());
    buffer.settle();
    assert!(buffer.bytes.capacity() <= GROWTH_BYTES);
    let chunk = vec![7; 64 * 1024];
    let mut received = SIZE_BYTES;
    while received < 3 * GROWTH_BYTES {
        received += receive(&mut buffer, &chunk);
        assert!(buffer.bytes.capacity() <= GROWTH_BYTES.max(2 * received));
    }
    assert_eq!(buffer.front(), Ok(Front::Partial(declared)));
}

#[test]
fn a_small_frame_does_not_keep_the_read_buffer_alive() {
    let mut buffer = FrameBuffer::new(1000);
    receive(&mut buffer, &framed(b"parked for long"));
    let frame = buffer.take().unwrap().unwrap();
    assert!(frame.capacity() < 64);
    buffer.settle();
    assert_eq!(buffer.bytes.capacity(), 0);
}

#[test]
fn a_connection_that_waits_keeps_no_more_than_it_received() {
    let mut buffer = FrameBuffer::new(1000);
    receive(&mut buffer, &[0, 0]);
    buffer.settle();
    assert!(buffer.bytes.capacity() <= 8);
    receive(&mut buffer, &[0, 200, 1]);
    buffer.settle();
    assert!(buffer.bytes.capacity() <= 204);
    assert_eq!(buffer.front(), Ok(Front::Partial(200)));
}
