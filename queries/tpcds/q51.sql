--! title = "Items whose web sales overtake store sales"
--! question = "On which days of a twelve month period was the cumulative web revenue of an item higher than its cumulative store revenue?"
--! param.DMS = { default = 1200, int = [1176, 1224] }
--! deviations = ["coalesce replaces the two case expressions that merge the keys of the outer join"]

with web_running as (
    select
        ws_item_sk as item_sk,
        d_date,
        sum(sum(ws_sales_price)) over (
            partition by ws_item_sk
            order by d_date nulls first
            rows between unbounded preceding and current row
        ) as cume_sales
    from web_sales
    join date_dim on ws_sold_date_sk = d_date_sk
    where d_month_seq between {DMS} and {DMS} + 11
        and ws_item_sk is not null
    group by ws_item_sk, d_date
),
store_running as (
    select
        ss_item_sk as item_sk,
        d_date,
        sum(sum(ss_sales_price)) over (
            partition by ss_item_sk
            order by d_date nulls first
            rows between unbounded preceding and current row
        ) as cume_sales
    from store_sales
    join date_dim on ss_sold_date_sk = d_date_sk
    where d_month_seq between {DMS} and {DMS} + 11
        and ss_item_sk is not null
    group by ss_item_sk, d_date
)
select
    item_sk,
    d_date,
    web_sales,
    store_sales,
    web_cumulative,
    store_cumulative
from (
    -- a day without sales in one channel has no running sum there: the maximum so far fills the gap
    select
        item_sk,
        d_date,
        web_sales,
        store_sales,
        max(web_sales) over (
            partition by item_sk
            order by d_date nulls first
            rows between unbounded preceding and current row
        ) as web_cumulative,
        max(store_sales) over (
            partition by item_sk
            order by d_date nulls first
            rows between unbounded preceding and current row
        ) as store_cumulative
    from (
        select
            coalesce(web_running.item_sk, store_running.item_sk) as item_sk,
            coalesce(web_running.d_date, store_running.d_date) as d_date,
            web_running.cume_sales as web_sales,
            store_running.cume_sales as store_sales
        from web_running
        full join store_running
            on web_running.item_sk = store_running.item_sk
            and web_running.d_date = store_running.d_date
    ) as both_channels
) as filled
where web_cumulative > store_cumulative
order by item_sk, d_date nulls first
limit 100
