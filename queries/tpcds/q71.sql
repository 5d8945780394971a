--! title = "Brand revenue at breakfast and dinner time"
--! question = "What did the brands of one manager take in, over all channels, in each minute of breakfast and dinner time of a month?"
--! param.MONTH = { default = 11, int = [11, 12] }
--! param.YEAR = { default = 1999, int = [1998, 2002] }

select
    i_brand_id as brand_id,
    i_brand as brand,
    t_hour,
    t_minute,
    sum(ext_price) as ext_price
from item
join (
    select
        ws_ext_sales_price as ext_price,
        ws_sold_date_sk as sold_date_sk,
        ws_item_sk as sold_item_sk,
        ws_sold_time_sk as time_sk
    from web_sales
    join date_dim on ws_sold_date_sk = d_date_sk
    where d_moy = {MONTH}
        and d_year = {YEAR}
    union all
    select
        cs_ext_sales_price as ext_price,
        cs_sold_date_sk as sold_date_sk,
        cs_item_sk as sold_item_sk,
        cs_sold_time_sk as time_sk
    from catalog_sales
    join date_dim on cs_sold_date_sk = d_date_sk
    where d_moy = {MONTH}
        and d_year = {YEAR}
    union all
    select
        ss_ext_sales_price as ext_price,
        ss_sold_date_sk as sold_date_sk,
        ss_item_sk as sold_item_sk,
        ss_sold_time_sk as time_sk
    from store_sales
    join date_dim on ss_sold_date_sk = d_date_sk
    where d_moy = {MONTH}
        and d_year = {YEAR}
) as all_sales on i_item_sk = sold_item_sk
join time_dim on time_sk = t_time_sk
where i_manager_id = 1
    and (t_meal_time = 'breakfast' or t_meal_time = 'dinner')
group by i_brand, i_brand_id, t_hour, t_minute
-- the alias: the sum, not the column of the derived table
order by ext_price desc nulls last, i_brand_id nulls first
