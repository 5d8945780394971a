--! title = "Store profit by state and county, ranked"
--! question = "How do the states, and the counties within each state, rank by the net profit of their stores over twelve months?"
--! param.DMS = { default = 1200, int = [1176, 1224] }
--! deviations = ["the sort key repeats the grouping levels where the definition uses the alias lochierarchy inside an expression"]

select
    sum(ss_net_profit) as total_sum,
    s_state,
    s_county,
    grouping(s_state) + grouping(s_county) as lochierarchy,
    rank() over (
        partition by
            grouping(s_state) + grouping(s_county),
            case when grouping(s_county) = 0 then s_state end
        order by sum(ss_net_profit) desc nulls last
    ) as rank_within_parent
from store_sales
join date_dim as d1 on ss_sold_date_sk = d1.d_date_sk
join store on ss_store_sk = s_store_sk
where d1.d_month_seq between {DMS} and {DMS} + 11
    and s_state in (
        select s_state
        from (
            -- within its own state every state with sales ranks first: the filter keeps them all
            select
                s_state,
                rank() over (
                    partition by s_state
                    order by sum(ss_net_profit) desc nulls last
                ) as ranking
            from store_sales
            join store on ss_store_sk = s_store_sk
            join date_dim on ss_sold_date_sk = d_date_sk
            where d_month_seq between {DMS} and {DMS} + 11
            group by s_state
        ) as ranked_states
        where ranking <= 5
    )
group by rollup (s_state, s_county)
order by
    lochierarchy desc,
    case when grouping(s_state) + grouping(s_county) = 0 then s_state end nulls first,
    rank_within_parent
limit 100
