//! Rust for one struct: its declaration, default, reading, writing and description.

use std::fmt::Write;

use crate::field_code::Form;
use crate::schema::{Field, Kind, Message, Struct};
use crate::versions::Versions;

/// Appends all that belongs to one struct of `message`.
pub(crate) fn write_struct(out: &mut String, message: &Message, it: &Struct) {
    write_declaration(out, message, it, Form::Owned);
    write_default(out, it);
    write_decode(out, message, it, Form::Owned);
    write_encode(out, message, it);
    if message.view && borrows(message, &it.name) {
        write_declaration(out, message, it, Form::View);
        write_decode(out, message, it, Form::View);
    }
}

/// Whether some field of the struct, at any depth, is text or bytes.
fn borrows(message: &Message, name: &str) -> bool {
    message.struct_named(name).fields.iter().any(|field| kind_borrows(message, &field.kind))
}

fn kind_borrows(message: &Message, kind: &Kind) -> bool {
    match kind {
        Kind::String | Kind::Bytes | Kind::Records => true,
        Kind::Array(element) => kind_borrows(message, element),
        Kind::Struct(name) => borrows(message, name),
        _ => false,
    }
}

/// The struct's name in a form.
fn type_name(message: &Message, name: &str, form: Form) -> String {
    match form {
        Form::View if borrows(message, name) => format!("{name}View<'a>"),
        _ => name.to_owned(),
    }
}

fn write_declaration(out: &mut String, message: &Message, it: &Struct, form: Form) {
    let name = type_name(message, &it.name, form);
    let view_of = |name: &str| type_name(message, name, form);
    let derives = match form {
        Form::Owned if it.fields.iter().all(Field::has_rust_default) => {
            "Clone, Debug, Default, PartialEq"
        }
        Form::Owned => "Clone, Debug, PartialEq",
        Form::View => "Clone, Debug",
    };
    let what = match (form, it.name == message.name) {
        (Form::View, _) => format!("[`{}`], borrowed from the frame.", it.name),
        (Form::Owned, false) => {
            format!("Part of [`{}`], {}.", message.name, spelled(it.reach, message.valid))
        }
        (Form::Owned, true) => {
            let key = message.key.map_or(String::new(), |key| format!(" (key {key})"));
            let versions = spelled(message.valid, Versions { max: i16::MAX, ..message.valid });
            format!("`{}`{key}, {versions}.", it.name)
        }
    };
    _ = writeln!(out, "\n/// {what}\n#[derive({derives})]\npub struct {name} {{");
    for field in &it.fields {
        if let Some(note) = note(field, it.reach) {
            _ = writeln!(out, "/// {note}");
        }
        _ = writeln!(out, "pub {}: {},", field.rust_name(), field.rust_type(form, &view_of));
    }
    out.push_str("}\n");
}

/// What the declaration of a field does not say by itself.
fn note(field: &Field, all: Versions) -> Option<String> {
    let mut notes = Vec::new();
    if field.versions != all {
        notes.push(spelled(field.versions, all));
    }
    if let Some(tag) = field.tag {
        notes.push(format!("tag {tag}"));
    }
    if !field.nullable.is_empty() && field.nullable != field.versions {
        notes.push(format!("null in {}", spelled(field.nullable, all)));
    }
    if let Some(default) = &field.default
        && !field.has_rust_default()
    {
        notes.push(format!("default {default}"));
    }
    if field.map_key {
        notes.push("key of its array".to_owned());
    }
    if notes.is_empty() {
        return None;
    }
    let mut text = notes.join(", ");
    text[..1].make_ascii_uppercase();
    Some(text + ".")
}

fn spelled(versions: Versions, all: Versions) -> String {
    let noun = if versions.min == versions.max { "version" } else { "versions" };
    format!("{noun} {}", versions.describe(all))
}

fn write_default(out: &mut String, it: &Struct) {
    if it.fields.iter().all(Field::has_rust_default) {
        return;
    }
    _ = writeln!(out, "\nimpl Default for {} {{\nfn default() -> Self {{\nSelf {{", it.name);
    for field in &it.fields {
        let value = field.default_value(Form::Owned, &str::to_owned);
        _ = writeln!(out, "{}: {value},", field.rust_name());
    }
    out.push_str("}\n}\n}\n");
}

fn write_decode(out: &mut String, message: &Message, it: &Struct, form: Form) {
    let name = type_name(message, &it.name, form);
    let (implemented, reader_type) = match form {
        Form::Owned => ("impl Decode<'_>", "Reader<'_>"),
        Form::View => ("impl<'a> Decode<'a>", "Reader<'a>"),
    };
    let body = read_body(message, it, form);
    let (reader, version) = (parameter("reader", &body), parameter("version", &body));
    let min_len = min_len(message, it);
    _ = writeln!(
        out,
        "\n{implemented} for {name} {{\nconst MIN_LEN: usize = {min_len};\n\n\
         fn read({reader}: &mut {reader_type}, {version}: i16) -> Result<Self, DecodeError> {{\n\
         {body}}}\n}}"
    );
}

fn read_body(message: &Message, it: &Struct, form: Form) -> String {
    let view_of = |name: &str| type_name(message, name, form);
    let mut fields = String::new();
    for field in &it.fields {
        let default = || field.default_value(form, &view_of);
        let value = match field.versions.condition(it.reach) {
            _ if field.tag.is_some() => default(),
            None => field.read(form),
            Some(condition) => {
                format!("if {condition} {{ {} }} else {{ {} }}", field.read(form), default())
            }
        };
        _ = writeln!(fields, "{}: {value},", field.rust_name());
    }
    if message.flexible.intersect(it.reach).is_empty() {
        return format!("Ok(Self {{\n{fields}}})\n");
    }
    let tagged = tagged_fields(it);
    if tagged.is_empty() {
        return format!("let it = Self {{\n{fields}}};\nreader.skip_tags()?;\nOk(it)\n");
    }
    let tags = read_tags(message, it, &tagged, form);
    format!("let mut it = Self {{\n{fields}}};\n{tags}Ok(it)\n")
}

/// The name of a parameter, with an underscore if `body` has no use for it. A field may have the
/// same name.
fn parameter(name: &str, body: &str) -> String {
    let uses = ["(*)", ", *)", "(&*)", "* >=", "* <=", "* ==", "*.", "(*,"];
    let others = body.replace(&format!("self.{name}"), "").replace(&format!("it.{name}"), "");
    let used = uses.iter().any(|usage| others.contains(&usage.replace('*', name)));
    if used { name.to_owned() } else { format!("_{name}") }
}

fn read_tags(message: &Message, it: &Struct, tagged: &[&Field], form: Form) -> String {
    let flexible = message.flexible.intersect(it.reach);
    let mut arms = String::new();
    for field in tagged {
        let guard = match field.versions.condition(flexible) {
            Some(condition) => format!(" if {condition}"),
            None => String::new(),
        };
        let tag = field.tag.unwrap_or_default();
        let (name, value) = (field.rust_name(), field.read(form));
        _ = writeln!(arms, "{tag}{guard} => it.{name} = {value},");
    }
    format!(
        "reader.tagged_fields(|reader, tag| {{\nmatch tag {{\n{arms}\
         _ => return Ok(false),\n}}\nOk(true)\n}})?;\n"
    )
}

fn write_encode(out: &mut String, message: &Message, it: &Struct) {
    let mut body = String::new();
    let untagged: Vec<&Field> = it.fields.iter().filter(|field| field.tag.is_none()).collect();
    for neighbours in untagged.chunk_by(|one, next| one.versions == next.versions) {
        write_fields(&mut body, it, neighbours);
    }
    let flexible = message.flexible.intersect(it.reach);
    let tagged = tagged_fields(it);
    if !tagged.is_empty() {
        write_tags(&mut body, it, &tagged, flexible);
    } else if !flexible.is_empty() {
        body.push_str("sink.no_tags();\n");
    }
    let descriptors = it.fields.iter().map(|field| field.descriptor(it.reach) + ",\n");
    let (sink, version) = (parameter("sink", &body), parameter("version", &body));
    _ = writeln!(
        out,
        "\nimpl Encode for {} {{\nconst KIND: Kind = Kind::Struct(&[{}]);\n\n\
         fn write<S: Sink>(&self, {sink}: &mut S, {version}: i16) {{\n{body}}}\n}}",
        it.name,
        descriptors.collect::<String>()
    );
}

fn write_tags(out: &mut String, it: &Struct, tagged: &[&Field], flexible: Versions) {
    for field in tagged {
        if !field.ignorable
            && let Some(condition) = field.versions.condition(it.reach)
        {
            let path = format!("{}.{}", it.name, field.name);
            let default = field.default_check(true);
            _ = writeln!(out, "sink.absent(\"{path}\", {condition} || {default});");
        }
    }
    let condition = flexible.condition(it.reach);
    if let Some(condition) = &condition {
        _ = writeln!(out, "if {condition} {{");
    }
    out.push_str("let mut tags = Tags::open(sink);\n");
    for field in tagged {
        let carried = field.versions.condition(flexible);
        let carried = carried.map_or(String::new(), |condition| format!("{condition} && "));
        let (set, tag) = (field.default_check(false), field.tag.unwrap_or_default());
        let value = field.write();
        _ = writeln!(out, "if {carried}{set} {{\ntags.field(sink, {tag}, |sink| {value});\n}}");
    }
    out.push_str("tags.close(sink);\n");
    if condition.is_some() {
        out.push_str("}\n");
    }
}

/// Writes fields without a tag in the versions that carry them, and checks them in the others.
/// The fields are neighbours that the same versions carry.
fn write_fields(out: &mut String, it: &Struct, fields: &[&Field]) {
    let condition = fields[0].versions.condition(it.reach);
    if let Some(condition) = &condition {
        _ = writeln!(out, "if {condition} {{");
    }
    for field in fields {
        if field.is_option()
            && let Some(nullable) = field.nullable.condition(field.versions)
        {
            let (path, name) = (format!("{}.{}", it.name, field.name), field.rust_name());
            let or = if field.nullable.is_empty() { "" } else { &format!("{nullable} || ") };
            _ = writeln!(out, "sink.present(\"{path}\", {or}self.{name}.is_some());");
        }
        _ = writeln!(out, "{};", field.write());
    }
    if condition.is_none() {
        return;
    }
    let checked: Vec<_> = fields.iter().filter(|field| !field.ignorable).collect();
    if !checked.is_empty() {
        out.push_str("} else {\n");
    }
    for field in checked {
        let (path, default) = (format!("{}.{}", it.name, field.name), field.default_check(true));
        _ = writeln!(out, "sink.absent(\"{path}\", {default});");
    }
    out.push_str("}\n");
}

fn tagged_fields(it: &Struct) -> Vec<&Field> {
    let mut tagged: Vec<&Field> = it.fields.iter().filter(|field| field.tag.is_some()).collect();
    tagged.sort_by_key(|field| field.tag);
    tagged
}

/// The fewest bytes the struct takes in any of its versions.
fn min_len(message: &Message, it: &Struct) -> usize {
    let in_version = |version: i16| struct_min_len(message, it, version);
    let least = (it.reach.min..=it.reach.max).map(in_version).min().unwrap_or_default();
    assert!(least > 0 || it.name == message.name, "{} may take no bytes", it.name);
    least.max(1)
}

fn struct_min_len(message: &Message, it: &Struct, version: i16) -> usize {
    let flexible = message.flexible.contains(version);
    let of_struct = |name: &str| struct_min_len(message, message.struct_named(name), version);
    let fields = it.fields.iter().filter(|field| field.tag.is_none());
    let carried = fields.filter(|field| field.versions.contains(version));
    let sum: usize = carried.map(|field| field.min_len(flexible, &of_struct)).sum();
    sum + usize::from(flexible)
}
