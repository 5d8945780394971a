--! title = "Items selling alike in all channels"
--! question = "Which items earned nearly the same revenue in stores, by catalog and on the web in the week of a given day?"
--! param.SALES_DATE = { default = "2000-01-03", date = ["{YEAR}-01-01", "{YEAR}-07-24"] }
--! param.YEAR = { default = 2000, int = [1998, 2002] }

with store_items as (
    select
        i_item_id as item_id,
        sum(ss_ext_sales_price) as ss_item_rev
    from store_sales
    join item on ss_item_sk = i_item_sk
    join date_dim on ss_sold_date_sk = d_date_sk
    where d_date in (
            select d_date
            from date_dim
            where d_week_seq = (
                    select d_week_seq
                    from date_dim
                    where d_date = {SALES_DATE}
                )
        )
    group by i_item_id
),
catalog_items as (
    select
        i_item_id as item_id,
        sum(cs_ext_sales_price) as cs_item_rev
    from catalog_sales
    join item on cs_item_sk = i_item_sk
    join date_dim on cs_sold_date_sk = d_date_sk
    where d_date in (
            select d_date
            from date_dim
            where d_week_seq = (
                    select d_week_seq
                    from date_dim
                    where d_date = {SALES_DATE}
                )
        )
    group by i_item_id
),
web_items as (
    select
        i_item_id as item_id,
        sum(ws_ext_sales_price) as ws_item_rev
    from web_sales
    join item on ws_item_sk = i_item_sk
    join date_dim on ws_sold_date_sk = d_date_sk
    where d_date in (
            select d_date
            from date_dim
            where d_week_seq = (
                    select d_week_seq
                    from date_dim
                    where d_date = {SALES_DATE}
                )
        )
    group by i_item_id
)
select
    store_items.item_id,
    ss_item_rev,
    ss_item_rev / ((ss_item_rev + cs_item_rev + ws_item_rev) / 3) * 100 as ss_dev,
    cs_item_rev,
    cs_item_rev / ((ss_item_rev + cs_item_rev + ws_item_rev) / 3) * 100 as cs_dev,
    ws_item_rev,
    ws_item_rev / ((ss_item_rev + cs_item_rev + ws_item_rev) / 3) * 100 as ws_dev,
    (ss_item_rev + cs_item_rev + ws_item_rev) / 3 as average
from store_items
join catalog_items on store_items.item_id = catalog_items.item_id
join web_items on store_items.item_id = web_items.item_id
where ss_item_rev between 0.9 * cs_item_rev and 1.1 * cs_item_rev
    and ss_item_rev between 0.9 * ws_item_rev and 1.1 * ws_item_rev
    and cs_item_rev between 0.9 * ss_item_rev and 1.1 * ss_item_rev
    and cs_item_rev between 0.9 * ws_item_rev and 1.1 * ws_item_rev
    and ws_item_rev between 0.9 * ss_item_rev and 1.1 * ss_item_rev
    and ws_item_rev between 0.9 * cs_item_rev and 1.1 * cs_item_rev
order by store_items.item_id, ss_item_rev
limit 100
