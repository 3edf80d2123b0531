//! Rust for one field: its type, its default, how it is read and written.

use crate::names::field_name;
use crate::schema::{Field, Kind};
use crate::versions::Versions;

/// Whether strings and bytes are copied out of the frame or borrowed from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Owned,
    View,
}

impl Field {
    /// The field's name in Rust.
    pub(crate) fn rust_name(&self) -> String {
        field_name(&self.name)
    }

    /// Whether it is an `Option`. Records always are: Kafka's classes begin with null.
    pub(crate) fn is_option(&self) -> bool {
        !self.nullable.is_empty() || self.kind == Kind::Records
    }

    /// Whether it begins as null.
    fn is_null_by_default(&self) -> bool {
        match self.kind {
            Kind::Records => !self.nullable.is_empty(),
            _ => self.default.as_deref() == Some("null"),
        }
    }

    /// The field's type. `view_of` tells the borrowed form of a struct.
    pub(crate) fn rust_type(&self, form: Form, view_of: &dyn Fn(&str) -> String) -> String {
        let bare = element_type(&self.kind, form, view_of);
        match (&self.kind, self.is_option()) {
            (Kind::Struct(_), true) => format!("Option<Box<{bare}>>"),
            (_, true) => format!("Option<{bare}>"),
            (_, false) => bare,
        }
    }

    /// The schema's default.
    pub(crate) fn default_value(&self, form: Form, view_of: &dyn Fn(&str) -> String) -> String {
        if self.is_null_by_default() {
            return "None".to_owned();
        }
        let bare = match (&self.kind, form) {
            (Kind::Bool, _) => self.default.clone().unwrap_or("false".to_owned()),
            (Kind::Float64, _) => "0.0".to_owned(),
            (Kind::Uuid, _) => "Uuid::ZERO".to_owned(),
            (Kind::String, Form::Owned) => "String::new()".to_owned(),
            (Kind::String, Form::View) => "\"\"".to_owned(),
            (Kind::Bytes, Form::Owned) => "Bytes::new()".to_owned(),
            (Kind::Bytes, Form::View) => "&[]".to_owned(),
            (Kind::Records, _) => "Records::EMPTY".to_owned(),
            (Kind::Array(_), _) => "Vec::new()".to_owned(),
            (Kind::Struct(_), _) if self.is_option() => "Box::default()".to_owned(),
            (Kind::Struct(name), Form::Owned) => format!("{name}::default()"),
            (Kind::Struct(name), Form::View) => format!("{}::default()", view_of(name)),
            _ => grouped(self.default.as_deref().unwrap_or("0")),
        };
        if self.is_option() { format!("Some({bare})") } else { bare }
    }

    /// Whether the default is what `derive(Default)` gives.
    pub(crate) fn has_rust_default(&self) -> bool {
        if self.is_option() {
            return self.is_null_by_default();
        }
        matches!(self.default.as_deref(), None | Some("0" | "false"))
    }

    /// Rust that is true if the field is (`equal`) or is not at its default.
    pub(crate) fn default_check(&self, equal: bool) -> String {
        let this = format!("self.{}", self.rust_name());
        let not = if equal { "" } else { "!" };
        let operator = if equal { "==" } else { "!=" };
        if self.is_null_by_default() {
            return format!("{this}.{}()", if equal { "is_none" } else { "is_some" });
        }
        match &self.kind {
            Kind::String | Kind::Bytes | Kind::Array(_) if !self.is_option() => {
                format!("{not}{this}.is_empty()")
            }
            Kind::String => format!("{this}.as_deref() {operator} Some(\"\")"),
            Kind::Bytes | Kind::Array(_) => {
                format!("{not}{this}.as_ref().is_some_and(|it| it.is_empty())")
            }
            Kind::Struct(name) if self.is_option() => {
                format!("{this}.as_deref() {operator} Some(&{name}::default())")
            }
            Kind::Uuid => format!("{not}{this}.is_zero()"),
            Kind::Bool => {
                let default = self.default.as_deref() == Some("true");
                if default == equal { this } else { format!("!{this}") }
            }
            _ => format!("{this} {operator} {}", self.default_value(Form::Owned, &str::to_owned)),
        }
    }

    /// Rust that reads the field's value in the versions that carry it.
    pub(crate) fn read(&self, form: Form) -> String {
        match self.nullable.condition(self.versions) {
            None => self.read_as(form, true),
            Some(_) if self.nullable.is_empty() && self.kind == Kind::Records => {
                format!("Some({})", self.read_as(form, false))
            }
            Some(_) if self.nullable.is_empty() => self.read_as(form, false),
            Some(condition) => format!(
                "if {condition} {{ {} }} else {{ Some({}) }}",
                self.read_as(form, true),
                self.read_as(form, false)
            ),
        }
    }

    fn read_as(&self, form: Form, nullable: bool) -> String {
        let (method, takes_version) = match (&self.kind, form) {
            (Kind::Struct(_), _) if !nullable => return "Decode::read(reader, version)?".into(),
            (Kind::Struct(_), _) => ("struct", true),
            (Kind::Array(_), _) => ("array", true),
            (Kind::String, Form::Owned) if self.inflexible => {
                return "reader.inflexible_nullable_string()?".into();
            }
            (Kind::String, Form::Owned) => ("string", false),
            (Kind::String, Form::View) => ("str", false),
            (Kind::Bytes, Form::Owned) => ("bytes", false),
            (Kind::Bytes, Form::View) => ("slice", false),
            (Kind::Records, Form::Owned) => ("records", false),
            (Kind::Records, Form::View) => ("records_view", false),
            (number, _) => (scalar(number), false),
        };
        let tagged =
            if self.tag.is_some() && matches!(self.kind, Kind::Struct(_)) { "tagged_" } else { "" };
        let nullable = if nullable { "nullable_" } else { "" };
        let argument = if takes_version { "version" } else { "" };
        format!("reader.{tagged}{nullable}{method}({argument})?")
    }

    /// Rust that writes the field's value. Ends without a semicolon.
    pub(crate) fn write(&self) -> String {
        let this = format!("self.{}", self.rust_name());
        match (&self.kind, self.is_option()) {
            (Kind::String, _) if self.inflexible => {
                format!("sink.inflexible_nullable_string({this}.as_deref())")
            }
            (Kind::String, false) => format!("sink.string(&{this})"),
            (Kind::String, true) => format!("sink.nullable_string({this}.as_deref())"),
            (Kind::Bytes, false) => format!("sink.bytes(&{this})"),
            (Kind::Bytes, true) => format!("sink.nullable_bytes({this}.as_ref())"),
            (Kind::Records, _) => format!("sink.nullable_records({this}.as_ref())"),
            (Kind::Array(_), false) => format!("sink.array(&{this}, version)"),
            (Kind::Array(_), true) => format!("sink.nullable_array({this}.as_deref(), version)"),
            (Kind::Struct(_), false) => format!("{this}.write(sink, version)"),
            (Kind::Struct(_), true) => {
                let tagged = if self.tag.is_some() { "tagged_" } else { "" };
                format!("sink.{tagged}nullable_struct({this}.as_deref(), version)")
            }
            (number, _) => format!("sink.{}({this})", scalar(number)),
        }
    }

    /// The fewest bytes the value takes in a version that carries it.
    pub(crate) fn min_len(&self, flexible: bool, struct_min_len: &dyn Fn(&str) -> usize) -> usize {
        match &self.kind {
            Kind::Bool | Kind::Int8 => 1,
            Kind::Int16 | Kind::Uint16 => 2,
            Kind::Int32 | Kind::Uint32 => 4,
            Kind::Int64 | Kind::Float64 => 8,
            Kind::Uuid => 16,
            Kind::String if flexible && !self.inflexible => 1,
            Kind::String => 2,
            Kind::Bytes | Kind::Records | Kind::Array(_) if flexible => 1,
            Kind::Bytes | Kind::Records | Kind::Array(_) => 4,
            Kind::Struct(_) if self.is_option() => 1,
            Kind::Struct(name) => struct_min_len(name),
        }
    }

    /// The line that describes the field at run time. `all` are the struct's versions.
    pub(crate) fn descriptor(&self, all: Versions) -> String {
        let json = crate::names::json_name(&self.name);
        let mut line = format!("field(\"{json}\", {})", kind_constant(&self.kind));
        if self.versions.min > all.min {
            line += &format!(".since({})", self.versions.min);
        }
        if self.versions.max < all.max {
            line += &format!(".until({})", self.versions.max);
        }
        if !self.nullable.is_empty() {
            line += &match self.nullable.max < all.max {
                true => format!(
                    ".nullable(Versions::new({}, {}))",
                    self.nullable.min, self.nullable.max
                ),
                false => format!(".nullable(Versions::since({}))", self.nullable.min),
            };
        }
        if let Some(tag) = self.tag {
            line += &format!(".tag({tag})");
        }
        if self.inflexible {
            line += ".inflexible()";
        }
        line
    }
}

fn element_type(kind: &Kind, form: Form, view_of: &dyn Fn(&str) -> String) -> String {
    match (kind, form) {
        (Kind::Uuid, _) => "Uuid".to_owned(),
        (Kind::String, Form::Owned) => "String".to_owned(),
        (Kind::String, Form::View) => "&'a str".to_owned(),
        (Kind::Bytes, Form::Owned) => "Bytes".to_owned(),
        (Kind::Bytes, Form::View) => "&'a [u8]".to_owned(),
        (Kind::Records, Form::Owned) => "Records".to_owned(),
        (Kind::Records, Form::View) => "RecordsView<'a>".to_owned(),
        (Kind::Struct(name), Form::Owned) => name.clone(),
        (Kind::Struct(name), Form::View) => view_of(name),
        (Kind::Array(element), _) => format!("Vec<{}>", element_type(element, form, view_of)),
        (number, _) => scalar(number).to_owned(),
    }
}

fn kind_constant(kind: &Kind) -> String {
    match kind {
        Kind::Struct(name) => format!("{name}::KIND"),
        Kind::Array(element) => format!("Kind::Array(&{})", kind_constant(element)),
        other => format!("Kind::{other:?}"),
    }
}

fn scalar(kind: &Kind) -> &'static str {
    match kind {
        Kind::Bool => "bool",
        Kind::Int8 => "i8",
        Kind::Int16 => "i16",
        Kind::Int32 => "i32",
        Kind::Int64 => "i64",
        Kind::Uint16 => "u16",
        Kind::Uint32 => "u32",
        Kind::Float64 => "f64",
        Kind::Uuid => "uuid",
        other => unreachable!("{other:?} is not a scalar"),
    }
}

/// A number as Rust's authors write it, with underscores between thousands.
fn grouped(number: &str) -> String {
    let (sign, digits) = match number.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", number),
    };
    let mut text = sign.to_owned();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index) % 3 == 0 {
            text.push('_');
        }
        text.push(digit);
    }
    text
}
