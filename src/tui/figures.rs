//! How values are written into cells of fixed width.
