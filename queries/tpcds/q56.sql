--! title = "Items in given colors over all channels"
--! question = "What did all channels together sell of the items in three colors in a month to customers of one time zone?"
--! param.COLOR = { default = ["slate", "blanched", "burnished"], count = 3, text = "colors" }
--! param.GMT = { default = -5, int = [-10, -5] }
--! param.MONTH = { default = 2, int = [1, 7] }
--! param.YEAR = { default = 2001, int = [1998, 2002] }

with store_part as (
    select
        i_item_id,
        sum(ss_ext_sales_price) as total_sales
    from store_sales
    join date_dim on ss_sold_date_sk = d_date_sk
    join customer_address on ss_addr_sk = ca_address_sk
    join item on ss_item_sk = i_item_sk
    where i_item_id in (
            select i_item_id
            from item
            where i_color in ({COLOR})
        )
        and d_year = {YEAR}
        and d_moy = {MONTH}
        and ca_gmt_offset = {GMT}
    group by i_item_id
),
catalog_part as (
    select
        i_item_id,
        sum(cs_ext_sales_price) as total_sales
    from catalog_sales
    join date_dim on cs_sold_date_sk = d_date_sk
    join customer_address on cs_bill_addr_sk = ca_address_sk
    join item on cs_item_sk = i_item_sk
    where i_item_id in (
            select i_item_id
            from item
            where i_color in ({COLOR})
        )
        and d_year = {YEAR}
        and d_moy = {MONTH}
        and ca_gmt_offset = {GMT}
    group by i_item_id
),
web_part as (
    select
        i_item_id,
        sum(ws_ext_sales_price) as total_sales
    from web_sales
    join date_dim on ws_sold_date_sk = d_date_sk
    join customer_address on ws_bill_addr_sk = ca_address_sk
    join item on ws_item_sk = i_item_sk
    where i_item_id in (
            select i_item_id
            from item
            where i_color in ({COLOR})
        )
        and d_year = {YEAR}
        and d_moy = {MONTH}
        and ca_gmt_offset = {GMT}
    group by i_item_id
)
select
    i_item_id,
    sum(total_sales) as total_sales
from (
    select * from store_part
    union all
    select * from catalog_part
    union all
    select * from web_part
) as all_channels
group by i_item_id
order by total_sales nulls first, i_item_id
limit 100
