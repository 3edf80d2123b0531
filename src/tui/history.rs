//! Samples over time: rings, rates, and the bound on the memory they take.
