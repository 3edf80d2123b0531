//! The final bytes of a batch, made when they are first asked for: compressing and summing up take
//! their time, and whoever asks does not hold up those who append.

use std::sync::Arc;

use bytes::Bytes;
use kt_protocol::records::{BatchBuilder, BatchPatch};
use parking_lot::Mutex;

use crate::producer::sequence::Stamp;

/// A handle to the bytes; clones are of the same batch.
#[derive(Clone, Debug)]
pub(in crate::producer) struct Sealed {
    inner: Arc<Mutex<Inner>>,
}

#[derive(Debug)]
struct Inner {
    form: Form,
    stamp: Option<Stamp>,
}

#[derive(Debug)]
enum Form {
    Records(Box<BatchBuilder>),
    /// With this stamp in its header.
    Bytes(Bytes, Option<Stamp>),
}

impl Sealed {
    pub(super) fn new(builder: Box<BatchBuilder>, stamp: Option<Stamp>) -> Sealed {
        let inner = Inner { form: Form::Records(builder), stamp };
        Sealed { inner: Arc::new(Mutex::new(inner)) }
    }

    /// The batch as it goes over the wire.
    pub(in crate::producer) fn bytes(&self) -> Bytes {
        let mut inner = self.inner.lock();
        let stamp = inner.stamp;
        let bytes = match &mut inner.form {
            Form::Bytes(bytes, its) if *its == stamp => return bytes.clone(),
            Form::Bytes(bytes, _) => patched(bytes, stamp),
            Form::Records(builder) => {
                let builder = *std::mem::take(builder);
                match stamp {
                    Some(Stamp { identity, base_sequence }) => {
                        builder.producer(identity.id, identity.epoch, base_sequence).finish()
                    }
                    None => builder.finish(),
                }
            }
        };
        inner.form = Form::Bytes(bytes.clone(), stamp);
        bytes
    }

    /// Bytes on the wire; before they are made, the most that they can be.
    pub(super) fn size(&self) -> usize {
        match &self.inner.lock().form {
            Form::Records(builder) => builder.uncompressed_size(),
            Form::Bytes(bytes, _) => bytes.len(),
        }
    }

    /// Gives the batch another place in the sequence, seen from the next [`Sealed::bytes`] on.
    pub(super) fn restamp(&self, stamp: Stamp) {
        self.inner.lock().stamp = Some(stamp);
    }
}

fn patched(bytes: &Bytes, stamp: Option<Stamp>) -> Bytes {
    let mut bytes = bytes.to_vec();
    if let Some(Stamp { identity, base_sequence }) = stamp {
        let patch = BatchPatch::first_of(&mut bytes);
        patch.expect("we built it").set_producer(identity.id, identity.epoch, base_sequence);
    }
    Bytes::from(bytes)
}
