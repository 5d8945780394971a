--! title = "Sales, returns and profit of all channels"
--! question = "What did each store, catalog page and web site sell, take back and earn in two weeks, with totals for each channel and overall?"
--! param.SALES_DATE = { default = "2000-08-23", date = ["{YEAR}-08-01", "{YEAR}-08-30"] }
--! param.YEAR = { default = 2000, int = [1998, 2002] }
--! deviations = ["the column called returns in the definition is called returned"]

with store_results as (
    select
        s_store_id,
        sum(sales_price) as sales,
        sum(profit) as profit,
        sum(return_amt) as returned,
        sum(net_loss) as profit_loss
    from (
        select
            ss_store_sk as store_sk,
            ss_sold_date_sk as date_sk,
            ss_ext_sales_price as sales_price,
            ss_net_profit as profit,
            cast(0 as decimal(7, 2)) as return_amt,
            cast(0 as decimal(7, 2)) as net_loss
        from store_sales
        union all
        select
            sr_store_sk as store_sk,
            sr_returned_date_sk as date_sk,
            cast(0 as decimal(7, 2)) as sales_price,
            cast(0 as decimal(7, 2)) as profit,
            sr_return_amt as return_amt,
            sr_net_loss as net_loss
        from store_returns
    ) as movements
    join date_dim on date_sk = d_date_sk
    join store on store_sk = s_store_sk
    where d_date between {SALES_DATE} and {SALES_DATE} + interval '14' day
    group by s_store_id
),
catalog_results as (
    select
        cp_catalog_page_id,
        sum(sales_price) as sales,
        sum(profit) as profit,
        sum(return_amt) as returned,
        sum(net_loss) as profit_loss
    from (
        select
            cs_catalog_page_sk as page_sk,
            cs_sold_date_sk as date_sk,
            cs_ext_sales_price as sales_price,
            cs_net_profit as profit,
            cast(0 as decimal(7, 2)) as return_amt,
            cast(0 as decimal(7, 2)) as net_loss
        from catalog_sales
        union all
        select
            cr_catalog_page_sk as page_sk,
            cr_returned_date_sk as date_sk,
            cast(0 as decimal(7, 2)) as sales_price,
            cast(0 as decimal(7, 2)) as profit,
            cr_return_amount as return_amt,
            cr_net_loss as net_loss
        from catalog_returns
    ) as movements
    join date_dim on date_sk = d_date_sk
    join catalog_page on page_sk = cp_catalog_page_sk
    where d_date between {SALES_DATE} and {SALES_DATE} + interval '14' day
    group by cp_catalog_page_id
),
web_results as (
    select
        web_site_id,
        sum(sales_price) as sales,
        sum(profit) as profit,
        sum(return_amt) as returned,
        sum(net_loss) as profit_loss
    from (
        select
            ws_web_site_sk as site_sk,
            ws_sold_date_sk as date_sk,
            ws_ext_sales_price as sales_price,
            ws_net_profit as profit,
            cast(0 as decimal(7, 2)) as return_amt,
            cast(0 as decimal(7, 2)) as net_loss
        from web_sales
        union all
        select
            ws_web_site_sk as site_sk,
            wr_returned_date_sk as date_sk,
            cast(0 as decimal(7, 2)) as sales_price,
            cast(0 as decimal(7, 2)) as profit,
            wr_return_amt as return_amt,
            wr_net_loss as net_loss
        from web_returns
        -- an outer join as in the definition, though returns without a sale drop out at web_site
        left join web_sales
            on wr_item_sk = ws_item_sk
            and wr_order_number = ws_order_number
    ) as movements
    join date_dim on date_sk = d_date_sk
    join web_site on site_sk = web_site_sk
    where d_date between {SALES_DATE} and {SALES_DATE} + interval '14' day
    group by web_site_id
)
select
    channel,
    id,
    sum(sales) as sales,
    sum(returned) as returned,
    sum(profit) as profit
from (
    select
        'store channel' as channel,
        'store' || s_store_id as id,
        sales,
        returned,
        profit - profit_loss as profit
    from store_results
    union all
    select
        'catalog channel' as channel,
        'catalog_page' || cp_catalog_page_id as id,
        sales,
        returned,
        profit - profit_loss as profit
    from catalog_results
    union all
    select
        'web channel' as channel,
        'web_site' || web_site_id as id,
        sales,
        returned,
        profit - profit_loss as profit
    from web_results
) as all_channels
group by rollup (channel, id)
order by channel nulls first, id nulls first
limit 100
