//! Record batches of every magic: read in place, decompressed whole and in pieces, under a budget;
//! both ways give the same records.
#![no_main]

use kt_protocol::records::validation::{RecordRules, check_batch, check_records};
use kt_protocol::records::{AnyBatch, BatchView, Budget};
use libfuzzer_sys::fuzz_target;

const BUDGET: u64 = 1 << 20;

type Seen = Vec<(i64, Option<Vec<u8>>, Option<Vec<u8>>)>;

fn whole(view: &BatchView<'_>) -> Result<Seen, String> {
    let mut budget = Budget::new(BUDGET);
    let body = view.decompress(&mut budget).map_err(|it| it.to_string())?;
    let mut seen = Seen::new();
    for record in body.records() {
        let record = record.map_err(|it| it.to_string())?;
        for header in record.headers() {
            let _ = (header.key(), header.key_lossy());
        }
        seen.push((record.offset.0, record.key.map(<[u8]>::to_vec), record.value.map(<[u8]>::to_vec)));
    }
    Ok(seen)
}

fn in_pieces(view: &BatchView<'_>) -> Result<Seen, String> {
    let mut budget = Budget::new(BUDGET);
    let mut records = view.stream(&mut budget).map_err(|it| it.to_string())?;
    let mut seen = Seen::new();
    while let Some(record) = records.next().map_err(|it| it.to_string())? {
        seen.push((record.offset.0, record.key.map(<[u8]>::to_vec), record.value.map(<[u8]>::to_vec)));
    }
    Ok(seen)
}

fuzz_target!(|data: &[u8]| {
    if let Ok(batch) = AnyBatch::first_of(data) {
        let _ = batch.crc_is_valid();
        let mut budget = Budget::new(BUDGET);
        if let Ok(body) = batch.decompress(&mut budget) {
            body.records().for_each(drop);
        }
    }
    let Ok(view) = BatchView::first_of(data) else { return };
    let _ = check_batch(&view);
    let checked = check_records(&view, &RecordRules::default(), &mut Budget::new(BUDGET));
    if let (Ok(whole), Ok(pieces)) = (whole(&view), in_pieces(&view)) {
        assert_eq!(whole, pieces);
    }
    if checked.is_ok() {
        whole(&view).expect("records that pass the check can be read");
    }
});
