//! Draws all that is known of one record: whence it is, its headers, its key, its value.

use ratatui::layout::Rect;

use super::{hex_of, key};
use crate::terminal::escaped;
use crate::tui::figures::{Clock, cells, name};
use crate::tui::model::screens::records::Records;
use crate::tui::model::screens::records::line::{Payload, RecordLine};
use crate::tui::model::screens::records::shape::{Arrays, Shape};
use crate::tui::view::canvas::{Canvas, Piece, after, line_of};
use crate::tui::view::theme::Tone;

/// What stands left of headers, key and value.
const INDENT: u16 = 3;

/// Draws it. How many lines can be scrolled out of sight.
pub(super) fn draw(
    (page, record): (&Records, &RecordLine),
    clock: &Clock,
    canvas: &mut Canvas<'_>,
    area: Rect,
) -> usize {
    let shape = page.shape_of(record);
    draw_head((&page.topic, record), shape, clock, canvas, line_of(area, 0));
    let arrays = if page.is_in_detail { Arrays::Whole } else { Arrays::Folded };
    let width = usize::from(area.width.saturating_sub(INDENT + 1)).max(1);
    let mut lines = wrapped(headers(record), INDENT, width);
    lines.extend(wrapped(key_line(record), INDENT, width));
    let tone = if record.value.bytes.is_none() { Tone::Dim } else { Tone::Plain };
    let value = shape.lines(&record.value, arrays);
    let (indent, width) = if shape == Shape::Hex { (1, width.max(HEX)) } else { (INDENT, width) };
    for line in value {
        lines.extend(wrapped(vec![Piece::new(line, tone)], indent, width));
    }
    let height = usize::from(area.height.saturating_sub(1));
    // The end stays in sight however far it is scrolled.
    let most = lines.len().saturating_sub(height);
    let first = page.scrolled.min(most);
    let shown = lines.iter().skip(first);
    for (index, line) in (1..area.height).zip(shown) {
        canvas.put_all(after(line_of(area, index), line.indent), &line.pieces);
    }
    let more = lines.len().saturating_sub(first + height);
    if 0 < more {
        let last = line_of(area, area.height.saturating_sub(1));
        canvas.put_right(last, &format!(" +{more} "), Tone::Dim);
    }
    most
}

/// Cells of a line of hex: it is never wrapped.
const HEX: usize = 76;

struct Line {
    indent: u16,
    pieces: Vec<Piece>,
}

/// ` orders-1 @182202998  create 15:04:02.017  zstd  producer 4012/3 seq 77  [json]`
fn draw_head(
    (topic, record): (&str, &RecordLine),
    shape: Shape,
    clock: &Clock,
    canvas: &mut Canvas<'_>,
    line: Rect,
) {
    let room = Rect { width: line.width.saturating_sub(2), ..after(line, 1) };
    let shape = format!("[{}]", shape.name());
    canvas.put_right(room, &shape, Tone::Accent);
    let mut free = usize::from(room.width).saturating_sub(cells(&shape) + 1);
    let mut rest = room;
    for (index, part) in parts(topic, record, clock, free).into_iter().enumerate() {
        let text = if index == 0 { part } else { format!("  {part}") };
        let width = cells(&text);
        if free < width && index != 0 {
            break;
        }
        free = free.saturating_sub(width);
        let taken = canvas.put(rest, &text, Tone::Plain);
        rest = after(rest, taken);
    }
}

/// In so many cells: the name of the topic makes way for where in it the record is.
fn parts(topic: &str, record: &RecordLine, clock: &Clock, room: usize) -> Vec<String> {
    let place = format!("-{} @{}", record.partition, record.offset);
    let topic = name(topic, room.saturating_sub(cells(&place)));
    let mut parts = vec![format!("{topic}{place}")];
    let stamped = if record.stamped == "log_append" { "append" } else { "create" };
    parts.push(match record.timestamp {
        Some(at) => format!("{stamped} {}", clock.time(kt_protocol::types::Timestamp(at))),
        None => "no time".to_owned(),
    });
    parts.push(record.codec.to_owned());
    if let Some(it) = record.producer {
        parts.push(format!("producer {}/{} seq {}", it.id, it.epoch, it.sequence));
    }
    if record.is_transactional {
        parts.push("txn".to_owned());
    }
    if let Some(epoch) = record.leader_epoch {
        parts.push(format!("epoch {epoch}"));
    }
    parts
}

/// `headers  trace=5f1c09  source="web"`: text in quotes, bytes as hex.
fn headers(record: &RecordLine) -> Vec<Piece> {
    if record.headers.is_empty() {
        return Vec::new();
    }
    let mut pieces = vec![Piece::new("headers", Tone::Dim)];
    for (name, it) in &record.headers {
        let value = match (&it.bytes, it.text()) {
            (None, _) => "null".to_owned(),
            (Some(_), Some(text)) => format!("\"{text}\""),
            (Some(bytes), None) => hex_of(bytes),
        };
        pieces.push(Piece::new(format!("  {name}={value}"), Tone::Plain));
    }
    let left = record.header_count - record.headers.len();
    if 0 < left {
        pieces.push(Piece::new(format!("  +{left}"), Tone::Dim));
    }
    pieces
}

fn key_line(record: &RecordLine) -> Vec<Piece> {
    let mut pieces = vec![Piece::new("key      ", Tone::Dim)];
    pieces.extend(key(&record.key).pieces().iter().cloned());
    pieces.extend(cut_note(&record.key));
    pieces
}

fn cut_note(it: &Payload) -> Option<Piece> {
    it.is_cut().then(|| Piece::new(format!("  of {} bytes", it.size), Tone::Dim))
}

/// `pieces` as lines of at most `width` cells; none of nothing.
fn wrapped(pieces: Vec<Piece>, indent: u16, width: usize) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    let mut free = 0;
    for piece in pieces {
        let mut part = String::new();
        for character in escaped(&piece.text).chars() {
            let size = cells(character.encode_utf8(&mut [0; 4]));
            if lines.is_empty() || free < size {
                push(&mut lines, &mut part, piece.tone);
                lines.push(Line { indent, pieces: Vec::new() });
                free = width;
            }
            free = free.saturating_sub(size);
            part.push(character);
        }
        if lines.is_empty() {
            // An empty line of a value is a line.
            lines.push(Line { indent, pieces: Vec::new() });
            free = width;
        }
        push(&mut lines, &mut part, piece.tone);
    }
    lines
}

fn push(lines: &mut [Line], part: &mut String, tone: Tone) {
    if let Some(last) = lines.last_mut().filter(|_| !part.is_empty()) {
        last.pieces.push(Piece::new(std::mem::take(part), tone));
    }
}
