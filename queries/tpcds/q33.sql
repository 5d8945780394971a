--! title = "Manufacturers of one category across channels"
--! question = "What did each manufacturer with items in one category sell through stores, catalog and web in a month to one time zone?"
--! param.CATEGORY.default = "Electronics"
--! param.CATEGORY.text = ["Books", "Home", "Electronics", "Jewelry", "Sports"]
--! # scale dependent: the time zones of the counties with a store, here those up to scale 1000
--! param.GMT = { default = "-5", sql = ["-5", "-6", "-7", "-8"] }
--! param.MONTH = { default = 5, int = [1, 7] }
--! param.YEAR = { default = 1998, int = [1998, 2002] }

with store_part as (
    select
        i_manufact_id,
        sum(ss_ext_sales_price) as total_sales
    from store_sales
    join date_dim on ss_sold_date_sk = d_date_sk
    join customer_address on ss_addr_sk = ca_address_sk
    join item on ss_item_sk = i_item_sk
    where i_manufact_id in (
            select i_manufact_id
            from item
            where i_category in ({CATEGORY})
        )
        and d_year = {YEAR}
        and d_moy = {MONTH}
        and ca_gmt_offset = {GMT}
    group by i_manufact_id
),
catalog_part as (
    select
        i_manufact_id,
        sum(cs_ext_sales_price) as total_sales
    from catalog_sales
    join date_dim on cs_sold_date_sk = d_date_sk
    join customer_address on cs_bill_addr_sk = ca_address_sk
    join item on cs_item_sk = i_item_sk
    where i_manufact_id in (
            select i_manufact_id
            from item
            where i_category in ({CATEGORY})
        )
        and d_year = {YEAR}
        and d_moy = {MONTH}
        and ca_gmt_offset = {GMT}
    group by i_manufact_id
),
web_part as (
    select
        i_manufact_id,
        sum(ws_ext_sales_price) as total_sales
    from web_sales
    join date_dim on ws_sold_date_sk = d_date_sk
    join customer_address on ws_bill_addr_sk = ca_address_sk
    join item on ws_item_sk = i_item_sk
    where i_manufact_id in (
            select i_manufact_id
            from item
            where i_category in ({CATEGORY})
        )
        and d_year = {YEAR}
        and d_moy = {MONTH}
        and ca_gmt_offset = {GMT}
    group by i_manufact_id
)
select
    i_manufact_id,
    sum(total_sales) as total_sales
from (
    select * from store_part
    union all
    select * from catalog_part
    union all
    select * from web_part
) as all_channels
group by i_manufact_id
order by total_sales nulls first
limit 100
