//! tmp
use ratatui::buffer::Buffer;
pub(crate) fn text(buffer: &Buffer) -> String {
    let mut out = String::new();
    for y in 0..buffer.area.height { let mut l=String::new(); for x in 0..buffer.area.width { l.push_str(buffer[(x,y)].symbol()); } out.push_str(l.trim_end()); out.push('\n'); }
    out
}
pub(crate) fn ansi(buffer: &Buffer) -> String { text(buffer) }
pub(crate) fn svg(buffer: &Buffer, _p: super::theme::Palette) -> String { text(buffer) }
