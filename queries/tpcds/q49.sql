--! title = "Items with the lowest return ratios by channel"
--! question = "Which items with high-priced returns have the lowest ratios of returned quantity or amount in each channel in a month?"
--! param.MONTH = { default = 12, int = [11, 12] }
--! param.YEAR = { default = 2001, int = [1998, 2002] }
--! deviations = ["ratios are divided as double: engines give quotients of decimals different places, and so different ties to the ranks"]

-- the outer joins are as defined, but the filter on the returned amount makes them inner
select
    channel,
    item,
    return_ratio,
    return_rank,
    currency_rank
from (
    select
        'web' as channel,
        item,
        return_ratio,
        return_rank,
        currency_rank
    from (
        select
            item,
            return_ratio,
            currency_ratio,
            rank() over (order by return_ratio) as return_rank,
            rank() over (order by currency_ratio) as currency_rank
        from (
            select
                ws_item_sk as item,
                cast(sum(coalesce(wr_return_quantity, 0)) as double)
                    / cast(sum(coalesce(ws_quantity, 0)) as double) as return_ratio,
                cast(sum(coalesce(wr_return_amt, 0)) as double)
                    / cast(sum(coalesce(ws_net_paid, 0)) as double) as currency_ratio
            from web_sales
            left join web_returns
                on ws_order_number = wr_order_number
                and ws_item_sk = wr_item_sk
            join date_dim on ws_sold_date_sk = d_date_sk
            where wr_return_amt > 10000
                and ws_net_profit > 1
                and ws_net_paid > 0
                and ws_quantity > 0
                and d_year = {YEAR}
                and d_moy = {MONTH}
            group by ws_item_sk
        ) as web_ratios
    ) as web_ranks
    where return_rank <= 10
        or currency_rank <= 10
    union
    select
        'catalog' as channel,
        item,
        return_ratio,
        return_rank,
        currency_rank
    from (
        select
            item,
            return_ratio,
            currency_ratio,
            rank() over (order by return_ratio) as return_rank,
            rank() over (order by currency_ratio) as currency_rank
        from (
            select
                cs_item_sk as item,
                cast(sum(coalesce(cr_return_quantity, 0)) as double)
                    / cast(sum(coalesce(cs_quantity, 0)) as double) as return_ratio,
                cast(sum(coalesce(cr_return_amount, 0)) as double)
                    / cast(sum(coalesce(cs_net_paid, 0)) as double) as currency_ratio
            from catalog_sales
            left join catalog_returns
                on cs_order_number = cr_order_number
                and cs_item_sk = cr_item_sk
            join date_dim on cs_sold_date_sk = d_date_sk
            where cr_return_amount > 10000
                and cs_net_profit > 1
                and cs_net_paid > 0
                and cs_quantity > 0
                and d_year = {YEAR}
                and d_moy = {MONTH}
            group by cs_item_sk
        ) as catalog_ratios
    ) as catalog_ranks
    where return_rank <= 10
        or currency_rank <= 10
    union
    select
        'store' as channel,
        item,
        return_ratio,
        return_rank,
        currency_rank
    from (
        select
            item,
            return_ratio,
            currency_ratio,
            rank() over (order by return_ratio) as return_rank,
            rank() over (order by currency_ratio) as currency_rank
        from (
            select
                ss_item_sk as item,
                cast(sum(coalesce(sr_return_quantity, 0)) as double)
                    / cast(sum(coalesce(ss_quantity, 0)) as double) as return_ratio,
                cast(sum(coalesce(sr_return_amt, 0)) as double)
                    / cast(sum(coalesce(ss_net_paid, 0)) as double) as currency_ratio
            from store_sales
            left join store_returns
                on ss_ticket_number = sr_ticket_number
                and ss_item_sk = sr_item_sk
            join date_dim on ss_sold_date_sk = d_date_sk
            where sr_return_amt > 10000
                and ss_net_profit > 1
                and ss_net_paid > 0
                and ss_quantity > 0
                and d_year = {YEAR}
                and d_moy = {MONTH}
            group by ss_item_sk
        ) as store_ratios
    ) as store_ranks
    where return_rank <= 10
        or currency_rank <= 10
) as lowest_ratios
order by channel, return_rank, currency_rank, item
limit 100
