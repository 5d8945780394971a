--! title = "Brands sold in all channels: totals of one November"
--! question = "What did the brand, class and category combinations sold in all three channels over three years sell above average in the last November, with subtotals?"
--! param.YEAR = { default = 1999, int = [1998, 2000] }
--! deviations = ["the sums, unnamed in the definition, are called sum_sales and sum_number_sales"]

with common_items as (
    select i_item_sk as item_sk
    from item
    join (
        select
            i_brand_id as brand_id,
            i_class_id as class_id,
            i_category_id as category_id
        from store_sales
        join item on ss_item_sk = i_item_sk
        join date_dim on ss_sold_date_sk = d_date_sk
        where d_year between {YEAR} and {YEAR} + 2
        intersect
        select
            i_brand_id,
            i_class_id,
            i_category_id
        from catalog_sales
        join item on cs_item_sk = i_item_sk
        join date_dim on cs_sold_date_sk = d_date_sk
        where d_year between {YEAR} and {YEAR} + 2
        intersect
        select
            i_brand_id,
            i_class_id,
            i_category_id
        from web_sales
        join item on ws_item_sk = i_item_sk
        join date_dim on ws_sold_date_sk = d_date_sk
        where d_year between {YEAR} and {YEAR} + 2
    ) as shared
        on i_brand_id = brand_id
        and i_class_id = class_id
        and i_category_id = category_id
),
average_line as (
    select avg(quantity * list_price) as average_amount
    from (
        select
            ss_quantity as quantity,
            ss_list_price as list_price
        from store_sales
        join date_dim on ss_sold_date_sk = d_date_sk
        where d_year between {YEAR} and {YEAR} + 2
        union all
        select
            cs_quantity as quantity,
            cs_list_price as list_price
        from catalog_sales
        join date_dim on cs_sold_date_sk = d_date_sk
        where d_year between {YEAR} and {YEAR} + 2
        union all
        select
            ws_quantity as quantity,
            ws_list_price as list_price
        from web_sales
        join date_dim on ws_sold_date_sk = d_date_sk
        where d_year between {YEAR} and {YEAR} + 2
    ) as all_lines
)
select
    channel,
    i_brand_id,
    i_class_id,
    i_category_id,
    sum(sales) as sum_sales,
    sum(number_sales) as sum_number_sales
from (
    select
        'store' as channel,
        i_brand_id,
        i_class_id,
        i_category_id,
        sum(ss_quantity * ss_list_price) as sales,
        count(*) as number_sales
    from store_sales
    join item on ss_item_sk = i_item_sk
    join date_dim on ss_sold_date_sk = d_date_sk
    where ss_item_sk in (select item_sk from common_items)
        and d_year = {YEAR} + 2
        and d_moy = 11
    group by i_brand_id, i_class_id, i_category_id
    having sum(ss_quantity * ss_list_price) > (select average_amount from average_line)
    union all
    select
        'catalog' as channel,
        i_brand_id,
        i_class_id,
        i_category_id,
        sum(cs_quantity * cs_list_price) as sales,
        count(*) as number_sales
    from catalog_sales
    join item on cs_item_sk = i_item_sk
    join date_dim on cs_sold_date_sk = d_date_sk
    where cs_item_sk in (select item_sk from common_items)
        and d_year = {YEAR} + 2
        and d_moy = 11
    group by i_brand_id, i_class_id, i_category_id
    having sum(cs_quantity * cs_list_price) > (select average_amount from average_line)
    union all
    select
        'web' as channel,
        i_brand_id,
        i_class_id,
        i_category_id,
        sum(ws_quantity * ws_list_price) as sales,
        count(*) as number_sales
    from web_sales
    join item on ws_item_sk = i_item_sk
    join date_dim on ws_sold_date_sk = d_date_sk
    where ws_item_sk in (select item_sk from common_items)
        and d_year = {YEAR} + 2
        and d_moy = 11
    group by i_brand_id, i_class_id, i_category_id
    having sum(ws_quantity * ws_list_price) > (select average_amount from average_line)
) as all_channels
group by rollup (channel, i_brand_id, i_class_id, i_category_id)
order by
    channel nulls first,
    i_brand_id nulls first,
    i_class_id nulls first,
    i_category_id nulls first
limit 100
