//! Rules on physical plans, one a file.

mod choose_row_filters;
mod follow_scan_settings;
mod keep_limits_off_scans;
mod order_joins;
mod read_all_columns;
mod row_filter_cost;

pub(super) use choose_row_filters::ChooseRowFilters;
pub(super) use follow_scan_settings::FollowScanSettings;
pub(super) use keep_limits_off_scans::KeepLimitsOffScans;
pub(super) use order_joins::OrderJoins;
pub(super) use read_all_columns::ReadAllColumns;
