--! title = "Returned quantities of an item per channel in three weeks"
--! question = "How do the quantities of each item returned to stores, by catalog and on the web compare in the weeks of three days of a year?"
--! param.RETURNED_DATE_ONE = { default = "2000-06-30", date = ["{YEAR}-01-01", "{YEAR}-07-24"] }
--! param.RETURNED_DATE_TWO = { default = "2000-09-27", date = ["{YEAR}-08-01", "{YEAR}-10-24"] }
--! param.RETURNED_DATE_THREE = { default = "2000-11-17", date = ["{YEAR}-11-01", "{YEAR}-11-24"] }
--! param.YEAR = { default = 2000, int = [1998, 2002] }
--! deviations = ["the quantities are cast to double before the division, so that no engine divides whole numbers"]

with store_items as (
    select
        i_item_id as item_id,
        sum(sr_return_quantity) as sr_item_qty
    from store_returns
    join item on sr_item_sk = i_item_sk
    join date_dim on sr_returned_date_sk = d_date_sk
    where d_date in (
            select d_date
            from date_dim
            where d_week_seq in (
                    select d_week_seq
                    from date_dim
                    where d_date in ({RETURNED_DATE_ONE}, {RETURNED_DATE_TWO}, {RETURNED_DATE_THREE})
                )
        )
    group by i_item_id
),
catalog_items as (
    select
        i_item_id as item_id,
        sum(cr_return_quantity) as cr_item_qty
    from catalog_returns
    join item on cr_item_sk = i_item_sk
    join date_dim on cr_returned_date_sk = d_date_sk
    where d_date in (
            select d_date
            from date_dim
            where d_week_seq in (
                    select d_week_seq
                    from date_dim
                    where d_date in ({RETURNED_DATE_ONE}, {RETURNED_DATE_TWO}, {RETURNED_DATE_THREE})
                )
        )
    group by i_item_id
),
web_items as (
    select
        i_item_id as item_id,
        sum(wr_return_quantity) as wr_item_qty
    from web_returns
    join item on wr_item_sk = i_item_sk
    join date_dim on wr_returned_date_sk = d_date_sk
    where d_date in (
            select d_date
            from date_dim
            where d_week_seq in (
                    select d_week_seq
                    from date_dim
                    where d_date in ({RETURNED_DATE_ONE}, {RETURNED_DATE_TWO}, {RETURNED_DATE_THREE})
                )
        )
    group by i_item_id
)
select
    store_items.item_id,
    sr_item_qty,
    cast(sr_item_qty as double) / (sr_item_qty + cr_item_qty + wr_item_qty) / 3.0 * 100 as sr_dev,
    cr_item_qty,
    cast(cr_item_qty as double) / (sr_item_qty + cr_item_qty + wr_item_qty) / 3.0 * 100 as cr_dev,
    wr_item_qty,
    cast(wr_item_qty as double) / (sr_item_qty + cr_item_qty + wr_item_qty) / 3.0 * 100 as wr_dev,
    (sr_item_qty + cr_item_qty + wr_item_qty) / 3.0 as average
from store_items
join catalog_items on store_items.item_id = catalog_items.item_id
join web_items on store_items.item_id = web_items.item_id
order by store_items.item_id, sr_item_qty nulls first
limit 100
