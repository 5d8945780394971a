--! title = "Sales, returns and profit by channel and outlet"
--! question = "What were the sales, returns and profit of each store, call center and web page, and of each channel, in the thirty days from a date on?"
--! param.SALES_DATE = { default = "2000-08-23", date = ["{YEAR}-08-01", "{YEAR}-08-30"] }
--! param.YEAR = { default = 2000, int = [1998, 2002] }
--! deviations = ["the column called returns in the definition is called return_amt"]

with store_sold as (
    select
        s_store_sk,
        sum(ss_ext_sales_price) as sales,
        sum(ss_net_profit) as profit
    from store_sales
    join date_dim on ss_sold_date_sk = d_date_sk
    join store on ss_store_sk = s_store_sk
    where d_date between {SALES_DATE} and {SALES_DATE} + interval '30' day
    group by s_store_sk
),
store_returned as (
    select
        s_store_sk,
        sum(sr_return_amt) as return_amt,
        sum(sr_net_loss) as profit_loss
    from store_returns
    join date_dim on sr_returned_date_sk = d_date_sk
    join store on sr_store_sk = s_store_sk
    where d_date between {SALES_DATE} and {SALES_DATE} + interval '30' day
    group by s_store_sk
),
catalog_sold as (
    select
        cs_call_center_sk,
        sum(cs_ext_sales_price) as sales,
        sum(cs_net_profit) as profit
    from catalog_sales
    join date_dim on cs_sold_date_sk = d_date_sk
    where d_date between {SALES_DATE} and {SALES_DATE} + interval '30' day
    group by cs_call_center_sk
),
catalog_returned as (
    select
        cr_call_center_sk,
        sum(cr_return_amount) as return_amt,
        sum(cr_net_loss) as profit_loss
    from catalog_returns
    join date_dim on cr_returned_date_sk = d_date_sk
    where d_date between {SALES_DATE} and {SALES_DATE} + interval '30' day
    group by cr_call_center_sk
),
web_sold as (
    select
        wp_web_page_sk,
        sum(ws_ext_sales_price) as sales,
        sum(ws_net_profit) as profit
    from web_sales
    join date_dim on ws_sold_date_sk = d_date_sk
    join web_page on ws_web_page_sk = wp_web_page_sk
    where d_date between {SALES_DATE} and {SALES_DATE} + interval '30' day
    group by wp_web_page_sk
),
web_returned as (
    select
        wp_web_page_sk,
        sum(wr_return_amt) as return_amt,
        sum(wr_net_loss) as profit_loss
    from web_returns
    join date_dim on wr_returned_date_sk = d_date_sk
    join web_page on wr_web_page_sk = wp_web_page_sk
    where d_date between {SALES_DATE} and {SALES_DATE} + interval '30' day
    group by wp_web_page_sk
)
select
    channel,
    id,
    sum(sales) as sales,
    sum(return_amt) as return_amt,
    sum(profit) as profit
from (
    select
        'store channel' as channel,
        store_sold.s_store_sk as id,
        sales,
        coalesce(return_amt, 0) as return_amt,
        profit - coalesce(profit_loss, 0) as profit
    from store_sold
    left join store_returned on store_sold.s_store_sk = store_returned.s_store_sk
    union all
    select
        'catalog channel' as channel,
        cs_call_center_sk as id,
        sales,
        return_amt,
        profit - profit_loss as profit
    from catalog_sold
    -- the definition pairs every selling call center with every returning one
    cross join catalog_returned
    union all
    select
        'web channel' as channel,
        web_sold.wp_web_page_sk as id,
        sales,
        coalesce(return_amt, 0) as return_amt,
        profit - coalesce(profit_loss, 0) as profit
    from web_sold
    left join web_returned on web_sold.wp_web_page_sk = web_returned.wp_web_page_sk
) as channels
group by rollup (channel, id)
order by channel nulls first, id nulls first
limit 100
