--! title = "Brands sold in all channels: a December week"
--! question = "Which brand, class and category combinations sold in all three channels did the stores sell above average in the same December week of two years?"
--! param.DAY = { default = 11, int = [1, 28] }
--! param.YEAR = { default = 1999, int = [1998, 2000] }

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
    this_year.channel as ty_channel,
    this_year.i_brand_id as ty_brand,
    this_year.i_class_id as ty_class,
    this_year.i_category_id as ty_category,
    this_year.sales as ty_sales,
    this_year.number_sales as ty_number_sales,
    last_year.channel as ly_channel,
    last_year.i_brand_id as ly_brand,
    last_year.i_class_id as ly_class,
    last_year.i_category_id as ly_category,
    last_year.sales as ly_sales,
    last_year.number_sales as ly_number_sales
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
        and d_week_seq = (
            select d_week_seq
            from date_dim
            where d_year = {YEAR} + 1
                and d_moy = 12
                and d_dom = {DAY}
        )
    group by i_brand_id, i_class_id, i_category_id
    having sum(ss_quantity * ss_list_price) > (select average_amount from average_line)
) as this_year
join (
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
        and d_week_seq = (
            select d_week_seq
            from date_dim
            where d_year = {YEAR}
                and d_moy = 12
                and d_dom = {DAY}
        )
    group by i_brand_id, i_class_id, i_category_id
    having sum(ss_quantity * ss_list_price) > (select average_amount from average_line)
) as last_year
    on this_year.i_brand_id = last_year.i_brand_id
    and this_year.i_class_id = last_year.i_class_id
    and this_year.i_category_id = last_year.i_category_id
order by this_year.channel, this_year.i_brand_id, this_year.i_class_id, this_year.i_category_id
limit 100
