--! title = "Channel sales, returns and profit without TV promotion"
--! question = "What did each store, catalog page and web site sell, take back and earn with items over 50 whose promotion was not on TV, in the thirty days from a date on?"
--! param.SALES_DATE = { default = "2000-08-23", date = ["{YEAR}-08-01", "{YEAR}-08-30"] }
--! param.YEAR = { default = 2000, int = [1998, 2002] }
--! deviations = ["the column called returns in the definition is called return_amt"]

with store_totals as (
    select
        s_store_id as store_id,
        sum(ss_ext_sales_price) as sales,
        sum(coalesce(sr_return_amt, 0)) as return_amt,
        sum(ss_net_profit - coalesce(sr_net_loss, 0)) as profit
    from store_sales
    left join store_returns
        on ss_item_sk = sr_item_sk
        and ss_ticket_number = sr_ticket_number
    join date_dim on ss_sold_date_sk = d_date_sk
    join store on ss_store_sk = s_store_sk
    join item on ss_item_sk = i_item_sk
    join promotion on ss_promo_sk = p_promo_sk
    where d_date between {SALES_DATE} and {SALES_DATE} + interval '30' day
        and i_current_price > 50
        and p_channel_tv = 'N'
    group by s_store_id
),
catalog_totals as (
    select
        cp_catalog_page_id as catalog_page_id,
        sum(cs_ext_sales_price) as sales,
        sum(coalesce(cr_return_amount, 0)) as return_amt,
        sum(cs_net_profit - coalesce(cr_net_loss, 0)) as profit
    from catalog_sales
    left join catalog_returns
        on cs_item_sk = cr_item_sk
        and cs_order_number = cr_order_number
    join date_dim on cs_sold_date_sk = d_date_sk
    join catalog_page on cs_catalog_page_sk = cp_catalog_page_sk
    join item on cs_item_sk = i_item_sk
    join promotion on cs_promo_sk = p_promo_sk
    where d_date between {SALES_DATE} and {SALES_DATE} + interval '30' day
        and i_current_price > 50
        and p_channel_tv = 'N'
    group by cp_catalog_page_id
),
web_totals as (
    select
        web_site_id,
        sum(ws_ext_sales_price) as sales,
        sum(coalesce(wr_return_amt, 0)) as return_amt,
        sum(ws_net_profit - coalesce(wr_net_loss, 0)) as profit
    from web_sales
    left join web_returns
        on ws_item_sk = wr_item_sk
        and ws_order_number = wr_order_number
    join date_dim on ws_sold_date_sk = d_date_sk
    join web_site on ws_web_site_sk = web_site_sk
    join item on ws_item_sk = i_item_sk
    join promotion on ws_promo_sk = p_promo_sk
    where d_date between {SALES_DATE} and {SALES_DATE} + interval '30' day
        and i_current_price > 50
        and p_channel_tv = 'N'
    group by web_site_id
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
        'store' || store_id as id,
        sales,
        return_amt,
        profit
    from store_totals
    union all
    select
        'catalog channel' as channel,
        'catalog_page' || catalog_page_id as id,
        sales,
        return_amt,
        profit
    from catalog_totals
    union all
    select
        'web channel' as channel,
        'web_site' || web_site_id as id,
        sales,
        return_amt,
        profit
    from web_totals
) as channels
group by rollup (channel, id)
order by channel nulls first, id nulls first
limit 100
