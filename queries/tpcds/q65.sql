--! title = "Items that sell poorly in a store"
--! question = "Which items brought a store at most a tenth of its average revenue per item in twelve months?"
--! param.DMS = { default = 1176, int = [1176, 1224] }
--! deviations = ["the revenue by store and item is joined before the items, since only it connects stores and items"]

select
    s_store_name,
    i_item_desc,
    sc.revenue,
    i_current_price,
    i_wholesale_cost,
    i_brand
from store
join (
    select
        ss_store_sk,
        ss_item_sk,
        sum(ss_sales_price) as revenue
    from store_sales
    join date_dim on ss_sold_date_sk = d_date_sk
    where d_month_seq between {DMS} and {DMS} + 11
    group by ss_store_sk, ss_item_sk
) as sc on s_store_sk = sc.ss_store_sk
join item on sc.ss_item_sk = i_item_sk
join (
    select
        ss_store_sk,
        avg(revenue) as ave
    from (
        select
            ss_store_sk,
            ss_item_sk,
            sum(ss_sales_price) as revenue
        from store_sales
        join date_dim on ss_sold_date_sk = d_date_sk
        where d_month_seq between {DMS} and {DMS} + 11
        group by ss_store_sk, ss_item_sk
    ) as sa
    group by ss_store_sk
) as sb on sc.ss_store_sk = sb.ss_store_sk
where sc.revenue <= 0.1 * sb.ave
order by s_store_name nulls first, i_item_desc nulls first
limit 100
